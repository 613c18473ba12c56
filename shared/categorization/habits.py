"""Which categories a location usually books: counts of labels by location."""

import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cachetools import TTLCache, cachedmethod
from sqlalchemy.orm import Session

from shared.kit.text import fold
from shared.transactions import store as transaction_store

KEPT_S = 30.0
CAPACITY = 100


@dataclass(frozen=True)
class Habits:
    """How many labelled transactions with a location each category has: in all, and by location (folded)."""

    total: Mapping[uuid.UUID, int]
    by_location: Mapping[str, Mapping[uuid.UUID, int]]

    @classmethod
    def of(cls, counted: Iterable[tuple[str | None, uuid.UUID, int]]) -> "Habits":
        """Sums of (location, category, rows)."""
        total: Counter[uuid.UUID] = Counter()
        by_location: dict[str, Counter[uuid.UUID]] = {}
        for location, category_id, rows in counted:
            if folded := fold(location):
                total[category_id] += rows
                by_location.setdefault(folded, Counter())[category_id] += rows
        return cls(total, by_location)

    def lifts(
        self,
        location: str | None,
        categories: Iterable[uuid.UUID],
        prior: float,
        own: uuid.UUID | None = None,
    ) -> dict[uuid.UUID, float]:
        """For each category how much more often than elsewhere it is booked at the location.

        P(category | location) / P(category), the former smoothed by `prior` rows that are like all others
        (Dirichlet, Zhai and Lafferty, 2004): 1 where nothing is known. `own` is the category that the
        transaction itself is counted under: it never speaks for itself.
        """
        here = self.by_location.get(fold(location), {})
        rows = {
            category_id: max(here.get(category_id, 0) - (category_id == own), 0) for category_id in categories
        }
        counts = {
            category_id: max(self.total.get(category_id, 0) - (category_id == own), 0) + 0.5
            for category_id in rows
        }
        everything, among = sum(counts.values()), sum(rows.values())
        usual = {category_id: counts[category_id] / everything for category_id in rows}
        return {
            category_id: (rows[category_id] + prior * usual[category_id])
            / ((among + prior) * usual[category_id])
            for category_id in rows
        }


def count(session: Session, organization_id: uuid.UUID) -> Habits:
    """The habits of an organisation as its labels are now."""
    return Habits.of(transaction_store.count_labels_by_location(session, organization_id))


class HabitsCache:
    """The habits of the organisations that asked last, counted again after `kept_s` seconds.

    Counting scans an organisation's labels (about 0.1 s for 100,000). New labels speak through the nearest
    neighbours at once, so habits may be half a minute old. Safe to share by threads: while one thread counts,
    others that want the same organisation wait for its result instead of counting too.
    """

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._counted: TTLCache[uuid.UUID, Habits] = TTLCache(CAPACITY, kept_s)
        self._changed = threading.Condition()

    @cachedmethod(
        lambda self: self._counted,
        key=lambda _self, _session, organization_id: organization_id,
        condition=lambda self: self._changed,
    )
    def get(self, session: Session, organization_id: uuid.UUID) -> Habits:
        """The organisation's habits, counted at most `kept_s` seconds ago."""
        return count(session, organization_id)
