"""How a merchant's transactions at one place were labelled before."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.transactions import store as transaction_store
from shared.transactions.fields import TransactionFields

Key = tuple[str, str]


@dataclass(frozen=True)
class Precedents:
    """How many labelled transactions each category has, by merchant and place (folded).

    The place is the transaction's location, which says more, or else its department.
    """

    counts: Mapping[Key, Mapping[uuid.UUID, int]]

    @classmethod
    def of(cls, counted: Iterable[tuple[str, str | None, uuid.UUID, int]]) -> "Precedents":
        """Sums of (merchant, place, category, rows)."""
        counts: dict[Key, Counter[uuid.UUID]] = {}
        for merchant, place, category_id, rows in counted:
            if place:
                counts.setdefault(_key(merchant, place), Counter())[category_id] += rows
        return cls(counts)

    def at(self, fields: TransactionFields, own: uuid.UUID | None = None) -> dict[uuid.UUID, int]:
        """Rows by category; `own` is the category under which the transaction itself is counted, if it is."""
        place = place_of(fields)
        counts = self.counts.get(_key(fields.merchant_name, place), {}) if place else {}
        return {
            category_id: left
            for category_id, rows in counts.items()
            if (left := rows - (category_id == own)) > 0
        }


def place_of(fields: TransactionFields) -> str | None:
    """Where a transaction was made, as far as it says."""
    return fields.location or fields.department


def read(
    session: Session, organization_id: uuid.UUID, transactions: Iterable[TransactionFields]
) -> Precedents:
    """The precedents of these transactions' merchants at their places, as the labels are now."""
    wanted = {(fields.merchant_name, place) for fields in transactions if (place := place_of(fields))}
    return Precedents.of(
        transaction_store.count_labels_by_merchant_and_place(session, organization_id, wanted)
    )


def _key(merchant: str, place: str) -> Key:
    return merchant.lower(), place.lower()
