"""Organisations and their keys."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import Admin, Id, RequestId, Resources, RootKey, Session
from api.idempotency import AdminOnce, OnceRoute, RootOnce
from api.responses import problems
from api.schemas.common import PageOut, PageQuery
from api.schemas.organizations import (
    ApiKeyIn,
    ApiKeyOut,
    NewApiKeyOut,
    NewOrganizationOut,
    OrganizationIn,
    OrganizationOut,
)
from shared.organizations import service as organizations
from shared.organizations import store as organization_store
from shared.registry import service as registry

router = APIRouter(route_class=OnceRoute, tags=["organizations"])


@router.post("/v1/organizations", status_code=201, dependencies=[RootKey], responses=problems(422))
def create_organization(
    body: OrganizationIn, session: RootOnce, resources: Resources, response: Response
) -> NewOrganizationOut:
    """A new organisation with its first key, which has every scope and is shown this once.

    Only the operator's root key may do this. The base model is registered with it; activate it, or one
    fine-tuned from it, to categorize.
    """
    organization, key = organizations.create(session, body.name)
    settings = resources.settings
    registry.register_base(session, organization.id, settings.base_model, settings.base_model_revision)
    response.headers["Cache-Control"] = "no-store"
    return NewOrganizationOut.of(organization, key)


@router.get("/v1/organizations", dependencies=[RootKey])
def list_organizations(query: Annotated[PageQuery, Query()], session: Session) -> PageOut[OrganizationOut]:
    """Every organisation, oldest first, those that are being deleted included. For the root key only."""
    return PageOut[OrganizationOut].of_page(organization_store.list_(session, query.paging()))


@router.get("/v1/organizations/{organization_id}", dependencies=[RootKey], responses=problems(404))
def get_organization(organization_id: Id, session: Session) -> OrganizationOut:
    """One organisation; a 404 once all that belonged to a deleted one is removed. For the root key only."""
    return OrganizationOut.model_validate(organization_store.get(session, organization_id))


@router.delete(
    "/v1/organizations/{organization_id}",
    status_code=202,
    dependencies=[RootKey],
    responses=problems(404),
)
def delete_organization(
    organization_id: Id, session: Session, request_id: RequestId, response: Response
) -> OrganizationOut:
    """Delete an organisation and all that belongs to it: rows, vectors, files. For the root key only.

    From now on its keys open nothing and its jobs stop. The rest is removed by a job, which can take minutes:
    ask for the organisation, at `Location`, until that is a 404. Deleting twice is deleting once.
    """
    organization = organizations.delete(session, organization_id, request_id=request_id)
    response.headers["Location"] = f"/v1/organizations/{organization_id}"
    return OrganizationOut.model_validate(organization)


@router.post("/v1/api-keys", status_code=201, responses=problems(403, 422))
def create_api_key(body: ApiKeyIn, admin: Admin, session: AdminOnce, response: Response) -> NewApiKeyOut:
    """A new key, shown this once. Keep two alive while you change from one to the other."""
    key = organizations.create_key(
        session, admin.organization_id, name=body.name, scopes=body.scopes, expires_at=body.expires_at
    )
    response.headers["Cache-Control"] = "no-store"
    return NewApiKeyOut.of(key)


@router.get("/v1/api-keys", responses=problems(403))
def list_api_keys(query: Annotated[PageQuery, Query()], admin: Admin, session: Session) -> PageOut[ApiKeyOut]:
    """The keys, oldest first, revoked ones included; never their secrets."""
    page = organization_store.list_keys(session, admin.organization_id, query.paging())
    return PageOut[ApiKeyOut].of_page(page)


@router.delete("/v1/api-keys/{key_id}", status_code=204, responses=problems(403, 404))
def revoke_api_key(key_id: Id, admin: Admin, session: Session) -> None:
    """From now on the key opens nothing. Revoking twice is revoking once."""
    organizations.revoke_key(session, admin.organization_id, key_id)
