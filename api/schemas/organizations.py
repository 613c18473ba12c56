"""Organisations and API keys."""

import datetime as dt
import uuid
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from api.schemas.common import In, Instant, Name200, Out
from shared.organizations.service import NewKey, Scope
from shared.organizations.tables import Organization


class OrganizationIn(In):
    """A new organisation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme GmbH"}]})

    name: Name200


class ApiKeyIn(In):
    """A new key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "expense app", "scopes": ["read", "write"], "expires_at": None}]
        }
    )

    name: Name200
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = Field(
        description="`read`: list and categorize; `write`: change data, start jobs; `admin`: manage keys."
    )
    expires_at: Instant | None = None


class ApiKeyOut(Out):
    """A key without its secret."""

    id: uuid.UUID
    name: str
    scopes: list[str]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None


class NewApiKeyOut(ApiKeyOut):
    """A key as it is shown once."""

    key: str = Field(description="The bearer token. It is kept nowhere: store it now.")

    @classmethod
    def of(cls, new: NewKey) -> Self:
        """The key with its token."""
        values: dict[str, Any] = ApiKeyOut.model_validate(new.row).model_dump()
        return cls(**values, key=new.token)


class OrganizationOut(Out):
    """An organisation."""

    id: uuid.UUID
    name: str
    created_at: dt.datetime
    deleted_at: dt.datetime | None = Field(
        description="Since when its keys open nothing, while all that belongs to it is being removed."
    )


class NewOrganizationOut(OrganizationOut):
    """An organisation with its first key."""

    api_key: NewApiKeyOut

    @classmethod
    def of(cls, organization: Organization, key: NewKey) -> Self:
        """The organisation and the key that was made with it."""
        return cls(
            **OrganizationOut.model_validate(organization).model_dump(),
            api_key=NewApiKeyOut.of(key),
        )
