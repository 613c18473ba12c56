"""How often labelled transactions that have something in common went to each category."""

import uuid
from collections.abc import Collection

from sqlalchemy import Text, and_, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.transactions.tables import PLACE_DIGEST, Label, Transaction

_LABELLED = and_(Label.transaction_id == Transaction.id, Label.is_current)


def of_locations(session: Session, organization_id: uuid.UUID) -> list[tuple[str | None, uuid.UUID, int]]:
    """(location, category, how many transactions are labelled so)."""
    keys = (Transaction.location, Label.category_id)
    query = (
        select(*keys, func.count())
        .join(Label, _LABELLED)
        .where(Transaction.organization_id == organization_id, Label.organization_id == organization_id)
        .where(Transaction.location.is_not(None))
        .group_by(*keys)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def of_merchants_at_places(
    session: Session, organization_id: uuid.UUID, wanted: Collection[tuple[str, str]]
) -> list[tuple[str, str, uuid.UUID, int]]:
    """(merchant, place, category, how many transactions are labelled so) of these merchants at these places.

    A place is the location, or the department where there is none. Letter case does not matter; each
    spelling has a row of its own.
    """
    if not wanted:
        return []
    place = func.coalesce(Transaction.location, Transaction.department)
    keys = (Transaction.merchant_name, place, Label.category_id)
    asked = literal([f"{merchant}\n{where}" for merchant, where in sorted(wanted)], ARRAY(Text))
    query = (
        select(*keys, func.count())
        .join(Label, _LABELLED)
        .where(Transaction.organization_id == organization_id, Label.organization_id == organization_id)
        .where(literal_column(PLACE_DIGEST).in_(select(func.md5(func.lower(func.unnest(asked))))))
        .group_by(*keys)
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(query)]
