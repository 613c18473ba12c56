"""Baselines that every model should beat: five methods without a neural network. Pure."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.evaluation.text_baselines import bm25_categories, bm25_history, tfidf_lr

Scores = NDArray[np.float64]

# A fallback's weight: enough to order what a method ties or leaves at nothing, too little to overrule it.
FALLBACK = 1e-6


@dataclass(frozen=True)
class BaselineRow:
    """`weight` transactions of one text, one merchant (as it is compared) and one category."""

    text: str
    merchant: str
    category_id: uuid.UUID
    weight: int = 1


Method = Callable[[Sequence[BaselineRow], Sequence[BaselineRow], Mapping[uuid.UUID, str]], Scores]


def most_frequent(
    train: Sequence[BaselineRow], queries: Sequence[BaselineRow], categories: Mapping[uuid.UUID, str]
) -> Scores:
    """The categories by their share of the labelled rows, whatever the query."""
    return np.tile(_shares(train, columns(categories)), (len(queries), 1))


def merchant_majority(
    train: Sequence[BaselineRow], queries: Sequence[BaselineRow], categories: Mapping[uuid.UUID, str]
) -> Scores:
    """The categories by their share of the merchant's labelled rows, then by that of all rows."""
    order = columns(categories)
    everywhere = _shares(train, order)
    of_merchant: dict[str, list[BaselineRow]] = {}
    for row in train:
        of_merchant.setdefault(row.merchant, []).append(row)
    known = {
        merchant: (1 - FALLBACK) * _shares(rows, order) + FALLBACK * everywhere
        for merchant, rows in of_merchant.items()
    }
    scores_of_rows = [known.get(row.merchant, everywhere) for row in queries]
    return np.array(scores_of_rows).reshape(len(queries), len(order))


METHODS: dict[str, Method] = {
    "most_frequent": most_frequent,
    "merchant_majority": merchant_majority,
    "bm25_categories": lambda _, queries, categories: bm25_categories(_texts(queries), _texts_of(categories)),
    "bm25_history": lambda train, queries, categories: bm25_history(
        *_labelled(train, categories), _texts(queries), len(categories)
    ),
    "tfidf_lr": lambda train, queries, categories: tfidf_lr(
        *_labelled(train, categories), _texts(queries), len(categories)
    ),
}


def scores(
    method: str,
    train: Sequence[BaselineRow],
    queries: Sequence[BaselineRow],
    categories: Mapping[uuid.UUID, str],
) -> Scores:
    """The method's score of each category for each query, fitted on the labelled rows and the categories'
    texts: shape (queries, categories), columns in the order of `columns`, each row's sum 1, or 0 where the
    method knows nothing. 0 is a category that it cannot score, such as one that no labelled row has.

    Raises:
        KeyError: no such method, or a labelled row of a category that is not among `categories`.
    """
    return METHODS[method](train, queries, categories)


def columns(categories: Mapping[uuid.UUID, str]) -> list[uuid.UUID]:
    """The categories in the order of the columns of `scores`."""
    return sorted(categories, key=str)


def rankings(
    method: str,
    train: Sequence[BaselineRow],
    queries: Sequence[BaselineRow],
    categories: Mapping[uuid.UUID, str],
) -> list[int | None]:
    """The rank of each query's own category, from 1; one rank a row whatever its weight.

    Equal scores are in the order of the category's id, as in serving, which knows nothing of the row. None is
    a category that the method cannot score: it is not found, as by a search that does not return it.
    """
    place = {category_id: column for column, category_id in enumerate(columns(categories))}
    return ranks(scores(method, train, queries, categories), [place[row.category_id] for row in queries])


def ranks(row_scores: Scores, own: Sequence[int]) -> list[int | None]:
    """The rank of column `own[i]` in row i of the scores; None where its score is 0."""
    if not own:
        return []
    own_columns = np.asarray(own)[:, None]
    own_scores = np.take_along_axis(row_scores, own_columns, axis=1)
    is_before = (row_scores == own_scores) & (np.arange(row_scores.shape[1]) < own_columns)
    places = 1 + (row_scores > own_scores).sum(axis=1) + is_before.sum(axis=1)
    return [int(place) if score > 0 else None for place, score in zip(places, own_scores[:, 0], strict=True)]


def _shares(rows: Sequence[BaselineRow], order: Sequence[uuid.UUID]) -> Scores:
    counts: Counter[uuid.UUID] = Counter()
    for row in rows:
        counts[row.category_id] += row.weight
    total = counts.total()
    return np.array([counts[category_id] / total if total else 0.0 for category_id in order])


def _texts(rows: Sequence[BaselineRow]) -> list[str]:
    return [row.text for row in rows]


def _texts_of(categories: Mapping[uuid.UUID, str]) -> list[str]:
    return [categories[category_id] for category_id in columns(categories)]


def _labelled(
    train: Sequence[BaselineRow], categories: Mapping[uuid.UUID, str]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Text, column and weight of the labelled rows, once per distinct text and category."""
    place = {category_id: column for column, category_id in enumerate(columns(categories))}
    weights: Counter[tuple[str, int]] = Counter()
    for row in train:
        weights[row.text, place[row.category_id]] += row.weight
    labels = np.array([column for _, column in weights], dtype=np.int64)
    return [text for text, _ in weights], labels, np.array(list(weights.values()), dtype=np.float64)
