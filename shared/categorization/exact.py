"""The ranking of serving without an index, by exact similarities: for cross-validation and benchmarks."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.categorization.habits import Habits
from shared.categorization.precedents import Precedents, place_of
from shared.categorization.ranking import Choice, EncodedTransaction, vote
from shared.categorization.voting import RankedCategory, weights_for
from shared.engines.encoder import Encoder
from shared.engines.vectors import Hit
from shared.kit.ids import derived_id
from shared.transactions.fields import TransactionFields

# Distinct texts compared at a time: the similarities of all texts to all rows would not fit into memory.
TEXTS_AT_ONCE = 512


@dataclass(frozen=True)
class ExactRow:
    """A labelled row as serving would see it."""

    text: str
    category_id: uuid.UUID
    fields: TransactionFields


def rank_exactly(
    encoder: Encoder,
    choices: Mapping[uuid.UUID, Choice],
    known: Sequence[ExactRow],
    queries: Sequence[ExactRow],
    *,
    is_tuned: bool = False,
    with_habits: bool = True,
) -> list[list[RankedCategory]]:
    """For each query row the choices, best first, with the known rows as labelled history.

    The very vote of serving, over the category texts and the nearest known rows. Equal texts are encoded and
    compared once.
    """
    habits = Habits.of((row.fields.location, row.category_id, 1) for row in known if with_habits)
    precedents = Precedents.of(
        (row.fields.merchant_name, place_of(row.fields), row.category_id, 1) for row in known if with_habits
    )
    weights = weights_for(is_tuned=is_tuned)
    nearby = _Nearby(encoder, choices, known, 2 * weights.neighbours)
    of_text: dict[str, list[int]] = {}
    for position, row in enumerate(queries):
        of_text.setdefault(row.text, []).append(position)
    rankings: list[list[RankedCategory]] = [[] for _ in queries]
    for text, vector, by_text, by_history in nearby.of(list(of_text)):
        for position in of_text[text]:
            row = queries[position]
            before = precedents.at(row.fields)
            query = EncodedTransaction(
                vector, text, row.fields.department, row.fields.location, precedents=before
            )
            rankings[position] = vote(by_text, by_history, query, choices, habits, weights)
    return rankings


def rank_of(category_id: uuid.UUID, ranked: Sequence[RankedCategory]) -> int | None:
    """Where the category came in, from 1; None where it did not."""
    return next(
        (
            position
            for position, category in enumerate(ranked, start=1)
            if category.category_id == category_id
        ),
        None,
    )


class _Nearby:
    """The category texts and the known rows nearest to a text."""

    def __init__(
        self, encoder: Encoder, choices: Mapping[uuid.UUID, Choice], known: Sequence[ExactRow], limit: int
    ) -> None:
        self._encoder, self._choices, self._limit = encoder, list(choices), limit
        self._of_text: dict[str, list[Hit]] = {}
        for number, row in enumerate(known):
            hit = Hit(derived_id("row", number), row.category_id, 0.0)
            self._of_text.setdefault(row.text, []).append(hit)
        self._texts = encoder.encode([choice.text for choice in choices.values()])
        self._history = encoder.encode(list(self._of_text))
        # Of equal ones, which an index returns in any order, the same few whatever is asked for.
        self._rows = [sorted(hits, key=lambda hit: hit.row_id)[:limit] for hits in self._of_text.values()]

    def of(self, texts: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32], list[Hit], list[Hit]]]:
        """(text, vector, hits among the categories, hits among the known rows) of each text."""
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = texts[start : start + TEXTS_AT_ONCE]
            vectors = self._encoder.encode(part)
            to_texts, to_rows = vectors @ self._texts.T, vectors @ self._history.T
            for text, vector, first, second in zip(part, vectors, to_texts, to_rows, strict=True):
                by_text = [
                    Hit(category_id, category_id, float(score))
                    for category_id, score in zip(self._choices, first, strict=True)
                ]
                yield text, vector, by_text, self._nearest(second)

    def _nearest(self, similarities: NDArray[np.float32]) -> list[Hit]:
        hits: list[Hit] = []
        for near in np.argsort(-similarities, kind="stable")[: self._limit]:
            score = float(similarities[near])
            hits += [Hit(hit.row_id, hit.category_id, score) for hit in self._rows[near]]
            if len(hits) >= self._limit:
                break
        return hits[: self._limit]
