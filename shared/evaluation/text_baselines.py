"""The baselines that read words: BM25, and TF-IDF with logistic regression. Pure; columns are categories."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

NEIGHBOURS = 15  # labelled transactions that vote, as many as in serving
FALLBACK = 1e-6  # of the best row beyond those that vote: an order among what they leave at nothing
MAX_FEATURES = 20_000  # of words and of characters each, the commonest: more only took longer
INVERSE_REGULARISATION = 10.0
TOLERANCE = 3e-4  # of the mean gradient; beyond it recall moves by less than 0.002


def bm25_categories(queries: Sequence[str], categories: Sequence[str]) -> Scores:
    """BM25 (Robertson and Zaragoza, 2009, in Lucene's form) of each text against each category's text.

    Shape (queries, categories), each row's sum 1; 0 where no word is shared.
    """
    search = _bm25(categories)
    return _for_distinct(
        queries, lambda texts: _normalised(np.array([search(text) for text in texts])), len(categories)
    )


def bm25_history(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    queries: Sequence[str],
    width: int,
) -> Scores:
    """The 15 labelled transactions nearest by BM25, and all as near, vote with their scores; then each
    category's best row.

    `texts` distinct for each category, `labels` their columns, `weights` how many transactions each stands
    for. Shape (queries, width), each row's sum 1; 0 where no row of the category shares a word.
    """
    if not texts:
        return np.zeros((len(queries), width))
    search = _bm25(texts)

    def votes(text: str) -> Scores:
        scores, votes_of_labels = search(text), np.zeros(width)
        np.maximum.at(votes_of_labels, labels, FALLBACK * scores)
        order = np.argsort(-scores, kind="stable")
        # Rows that tie with the last voter vote, too: else the order of labelling would decide.
        last = order[min(int(np.searchsorted(np.cumsum(weights[order]), NEIGHBOURS)), len(order) - 1)]
        nearest = scores >= scores[last]
        np.add.at(votes_of_labels, labels[nearest], (scores * weights)[nearest])
        return votes_of_labels

    return _for_distinct(
        queries, lambda distinct: _normalised(np.array([votes(text) for text in distinct])), width
    )


def tfidf_lr(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    queries: Sequence[str],
    width: int,
) -> Scores:
    """Probabilities of multinomial logistic regression on TF-IDF of words, word pairs and 3 to 5 characters.

    Fitted once per distinct text and category with its count as weight. Shape (queries, width), each row's
    sum 1; 0 for categories without labelled rows.
    """
    from sklearn.linear_model import LogisticRegression

    shares = np.bincount(labels, weights=weights, minlength=width).astype(np.float64)
    if np.count_nonzero(shares) < 2 or not any(re.search(r"\w", text) for text in texts):
        return _normalised(np.tile(shares, (len(queries), 1)))  # nothing to tell them apart by
    features = _tfidf()
    model = LogisticRegression(C=INVERSE_REGULARISATION, tol=TOLERANCE, max_iter=1000)
    model.fit(features.fit_transform(texts), labels, sample_weight=weights)

    def probabilities(distinct: Sequence[str]) -> Scores:
        shares_of_labels = np.zeros((len(distinct), width))
        shares_of_labels[:, model.classes_] = model.predict_proba(features.transform(distinct))
        return shares_of_labels

    return _for_distinct(queries, probabilities, width)


def _tfidf() -> Any:
    """The features of words and word pairs, beside those of 3 to 5 characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    common = {"sublinear_tf": True, "max_features": MAX_FEATURES, "dtype": np.float32}
    words_of_any_length = r"(?u)\b\w+\b"  # of one letter, too
    return make_union(
        TfidfVectorizer(token_pattern=words_of_any_length, ngram_range=(1, 2), **common),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **common),
    )


def _bm25(documents: Sequence[str]) -> Callable[[str], Scores]:
    """The scores of all documents for a text."""
    import bm25s

    def words(texts: Sequence[str]) -> list[list[str]]:
        tokens: list[list[str]] = bm25s.tokenize(
            list(texts), stopwords="english", return_ids=False, show_progress=False
        )
        return tokens

    tokens = words(documents)
    if not any(tokens):
        return lambda _: np.zeros(len(documents))
    model = bm25s.BM25()
    model.index(tokens, show_progress=False)

    def search(text: str) -> Scores:
        known = [word for word in words([text])[0] if word in model.vocab_dict]
        return np.asarray(model.get_scores(known), dtype=np.float64) if known else np.zeros(len(documents))

    return search


def _for_distinct(queries: Sequence[str], work: Callable[[Sequence[str]], Scores], width: int) -> Scores:
    """What `work` returns for each text, computed once for equal texts."""
    if not queries:
        return np.zeros((0, width))
    distinct, back = np.unique(np.array(queries, dtype=object).astype(str), return_inverse=True)
    return np.asarray(work(distinct.tolist())[back], dtype=np.float64)


def _normalised(scores: Scores) -> Scores:
    totals = scores.sum(axis=1, keepdims=True)
    shares: Scores = np.divide(scores, totals, out=np.zeros_like(scores), where=totals > 0)
    return shares
