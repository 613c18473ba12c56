"""What departments and locations usually book: counts of labels, and what they say of a transaction."""

import threading
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.transactions import counting

KEPT_S = 30.0
CAPACITY = 100
Values = Mapping[str, str]  # field -> folded value


@dataclass(frozen=True)
class Habits:
    """How many labelled transactions each category has: of all, and by each value of a field (folded)."""

    total: Mapping[uuid.UUID, int]
    by_value: Mapping[tuple[str, str], Mapping[uuid.UUID, int]]

    @classmethod
    def of(cls, counted: Iterable[tuple[Values, uuid.UUID, int]]) -> "Habits":
        """Sums of (values, category, rows)."""
        total: Counter[uuid.UUID] = Counter()
        by_value: dict[tuple[str, str], Counter[uuid.UUID]] = {}
        for values, category_id, rows in counted:
            total[category_id] += rows
            for field, value in values.items():
                if value:
                    by_value.setdefault((field, value), Counter())[category_id] += rows
        return cls(total, by_value)

    def lifts(
        self, values: Values, categories: Iterable[uuid.UUID], prior: float, own: uuid.UUID | None = None
    ) -> dict[uuid.UUID, float]:
        """For each category how much more often than elsewhere it is booked where the values are those.

        P(category | value) / P(category), the former smoothed by `prior` rows that are like all others
        (Dirichlet, Zhai and Lafferty, 2004): 1 where nothing is known. Fields overlap, as a cost centre lies
        in one directorate, so only one of them speaks: of those with at least `prior` rows the one with the
        fewest, which says most, else the one with the most. `own` is the category that the transaction itself
        is counted under: it never speaks for itself.
        """
        ids = list(categories)
        if not values:
            return dict.fromkeys(ids, 1.0)
        counts = {one: max(self.total.get(one, 0) - (one == own), 0) + 0.5 for one in ids}
        everything = sum(counts.values())
        rows = self._speaking([self._rows(key, ids, own) for key in sorted(values.items())], prior)
        among = sum(rows.values())
        usual = {one: counts[one] / everything for one in ids}
        return {one: (rows[one] + prior * usual[one]) / ((among + prior) * usual[one]) for one in ids}

    def _rows(
        self, key: tuple[str, str], ids: Sequence[uuid.UUID], own: uuid.UUID | None
    ) -> dict[uuid.UUID, int]:
        here = self.by_value.get(key, {})
        return {one: max(here.get(one, 0) - (one == own), 0) for one in ids}

    @staticmethod
    def _speaking(found: Sequence[dict[uuid.UUID, int]], prior: float) -> dict[uuid.UUID, int]:
        def weight(rows: dict[uuid.UUID, int]) -> tuple[bool, int]:
            among = sum(rows.values())
            return (True, -among) if among >= prior else (False, among)

        return max(found, key=weight)


def fold(name: str | None) -> str:
    """A department's or a location's name as it is compared."""
    return " ".join((name or "").split()).casefold()


def values_of(department: str | None, location: str | None) -> dict[str, str]:
    """The fields that habits are kept of, those that are there."""
    folded = {"department": fold(department), "location": fold(location)}
    return {field: value for field, value in folded.items() if value}


def count(session: Session, organization_id: uuid.UUID) -> Habits:
    """The habits of an organisation as its labels are now."""
    return Habits.of(
        (values_of(department, location), category_id, rows)
        for department, location, category_id, rows in counting.of_departments_and_locations(
            session, organization_id
        )
    )


class HabitsCache:
    """The habits of a few organisations, each counted anew after half a minute. Safe to share by threads.

    Counting takes a scan of an organisation's labels (some 0.1 s for 100,000); a label that is a few seconds
    old speaks through the nearest neighbours, so habits need not be of this second.
    """

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._known: OrderedDict[uuid.UUID, tuple[float, Habits]] = OrderedDict()

    def get(self, session: Session, organization_id: uuid.UUID) -> Habits:
        """The organisation's habits, counted at most `kept_s` seconds ago."""
        now = time.monotonic()
        with self._lock:
            found = self._known.get(organization_id)
            if found is not None and now - found[0] < self._kept_s:
                self._known.move_to_end(organization_id)
                return found[1]
        habits = count(session, organization_id)
        with self._lock:
            self._known[organization_id] = (now, habits)
            self._known.move_to_end(organization_id)
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)
        return habits
