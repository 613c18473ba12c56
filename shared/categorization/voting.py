"""One ranking from two sets of hits: category texts, and the labelled transactions nearest to a query."""

import math
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from shared.engines.vectors import Hit


@dataclass(frozen=True)
class VotingWeights:
    """The weights of the vote; `benchmarks/recipe.py` prints the figures behind the defaults.

    `neighbours`: how many of the nearest labelled transactions vote. `of_one_text`: how many votes the
    neighbours with equal texts have together. `neighbour_temperature`: the step of cosine similarity below 1
    by which a vote falls by the factor e. `category_temperature`: of the softmax over the category texts.
    `prior_votes`: how many perfect neighbours weigh as much as all category texts. `foreign_department`: the
    factor for the score of a category of other departments. `precedent_prior`: how many precedents weigh as
    much as everything else. `reranker`: the reranker's share in the order of what it scores, 0 to 1.
    """

    neighbours: int = 50
    of_one_text: int = 5
    neighbour_temperature: float = 0.07
    category_temperature: float = 0.1
    prior_votes: float = 0.1
    foreign_department: float = 0.1
    habit_power: float = 0.5
    habit_prior: float = 20.0
    precedent_prior: float = 3.0
    reranker: float = 0.3


SAME_DIGITS = 6
UNTUNED = VotingWeights()
# A model tuned on labels of the organisation has learnt what its category texts mean there, so they weigh
# more beside the neighbours: some 0.015 more recall@1 so, and 0.07 less for a model that was not tuned.
TUNED = VotingWeights(prior_votes=1.0)


def weights_for(*, is_tuned: bool) -> VotingWeights:
    """The weights for a model that was tuned on labels of the organisation, or for one that was not."""
    return TUNED if is_tuned else UNTUNED


@dataclass(frozen=True)
class RankedCategory:
    """A category, its score in [0, 1], and the labelled transactions that voted for it, nearest first."""

    category_id: uuid.UUID
    score: float
    evidence: tuple[Hit, ...]

    def rescored(self, score: float) -> "RankedCategory":
        """The same category with another score (`dataclasses.replace` takes twice as long)."""
        return RankedCategory(self.category_id, score, self.evidence)


def rank_categories(
    category_hits: Sequence[Hit], history_hits: Sequence[Hit], weights: VotingWeights | None = None
) -> list[RankedCategory]:
    """Every category that either search names, best first; equal scores in the order of category_id.

    With p(c) the softmax of the category texts' similarities (all categories should be among the hits: it is
    taken over those given), and w_i = v_i exp((s_i - 1) / T) the vote of neighbour i, the score of c is

        (prior_votes * p(c) + sum of w_i over the neighbours in c) / (prior_votes + sum of all w_i)

    that is, Dirichlet smoothing (Zhai and Lafferty, 2004, doi:10.1145/984321.984322) of a nearest-neighbour
    estimate by what the texts say: without near neighbours the texts decide, with many the neighbours do.
    v_i is 1, or less where more rows are equally near than may vote: they share the votes, so a merchant's
    hundred alike transactions do not silence all others. The order of the hits does not matter, scores sum to
    at most 1, and a further neighbour never lowers the category it speaks for. A row or category that is
    given twice counts once, with its higher similarity.
    """
    weights = weights or VotingWeights()
    prior = _softmax(category_hits, weights.category_temperature)
    evidence: dict[uuid.UUID, list[Hit]] = {}
    votes: dict[uuid.UUID, list[float]] = {}
    for hit, vote in _votes(history_hits, weights):
        evidence.setdefault(hit.category_id, []).append(hit)
        votes.setdefault(hit.category_id, []).append(vote)
    # fsum rounds once, so a sum does not depend on the order of its terms.
    total = weights.prior_votes + math.fsum(vote for of_category in votes.values() for vote in of_category)
    ranked = [
        RankedCategory(
            category_id,
            (weights.prior_votes * prior.get(category_id, 0.0) + math.fsum(votes.get(category_id, ())))
            / total,
            tuple(evidence.get(category_id, ())),
        )
        for category_id in prior.keys() | evidence.keys()
    ]
    return sorted(ranked, key=lambda category: (-category.score, category.category_id))


def favour_departments(
    ranked: Sequence[RankedCategory],
    department: str | None,
    departments: Mapping[uuid.UUID, Collection[str]],
    weight: float,
) -> list[RankedCategory]:
    """The ranking, with categories that are for other departments pushed back; the scores' sum stays.

    A chart of accounts may say which departments use a category. Where it does, and the transaction's
    `department` (folded, as those are) is not among them, the category's score is multiplied by `weight`.
    A category that names no departments, and a transaction without one, are left as they are.
    """
    if not department:
        return list(ranked)
    return multiply(
        ranked,
        {
            category.category_id: weight
            for category in ranked
            if _is_for_others(departments.get(category.category_id), department)
        },
    )


def multiply(ranked: Sequence[RankedCategory], factors: Mapping[uuid.UUID, float]) -> list[RankedCategory]:
    """The ranking with each score times its category's factor, 1 where it has none; their sum stays."""
    moved = [
        category.rescored(category.score * factors.get(category.category_id, 1.0)) for category in ranked
    ]
    before, after = (
        math.fsum(category.score for category in ranked),
        math.fsum(category.score for category in moved),
    )
    scale = before / after if after else 1.0
    scaled = [category.rescored(min(category.score * scale, 1.0)) for category in moved]
    return sorted(scaled, key=lambda category: (-category.score, category.category_id))


def follow(
    ranked: Sequence[RankedCategory], precedents: Mapping[uuid.UUID, int], prior: float
) -> list[RankedCategory]:
    """The ranking, adjusted by the labels of the same merchant and place.

    With n(c) the `precedents` of category c and p(c) the scores so far, the new score of c is
    (n(c) + prior * p(c)) / (sum of all n + prior): the estimate of a Dirichlet prior that is worth `prior`
    precedents (MacKay and Peto, 1995, doi:10.1017/S1351324900000218). Precedents of categories that are not
    in the ranking are passed over; without any it stays as it is.
    """
    known = {category.category_id: precedents.get(category.category_id, 0) for category in ranked}
    total = sum(known.values())
    if not total:
        return list(ranked)
    moved = [
        category.rescored((known[category.category_id] + prior * category.score) / (total + prior))
        for category in ranked
    ]
    return sorted(moved, key=lambda category: (-category.score, category.category_id))


def blend(
    ranked: Sequence[RankedCategory], scores: Mapping[uuid.UUID, float], weight: float
) -> list[RankedCategory]:
    """The ranking, blended with a reranker's scores (log-odds) of some of its categories.

    Among those, with p(c) the share of c in their first scores and q(c) the softmax of the reranker's, the
    new share is proportional to p(c)^(1 - weight) * q(c)^weight: a log-linear pool (Genest and Zidek, 1986,
    doi:10.1214/ss/1177013825), in which either can rule a category out and neither alone can rule one in.
    Together they keep the score that they had, so what was not scored stays as it is. The order of the
    scores does not matter, nor does a constant that is added to all of them.
    """
    known = {
        category.category_id: category.score
        for category in ranked
        if category.score > 0 and math.isfinite(scores.get(category.category_id, math.nan))
    }
    total = math.fsum(known.values())
    if not known or not weight:
        return list(ranked)
    logs = {
        category_id: (1 - weight) * math.log(score) + weight * scores[category_id]
        for category_id, score in known.items()
    }
    top = max(logs.values())
    powers = {category_id: math.exp(value - top) for category_id, value in logs.items()}
    scale = total / math.fsum(powers.values())
    moved = [
        category.rescored(min(powers[category.category_id] * scale, 1.0))
        if category.category_id in powers
        else category
        for category in ranked
    ]
    return sorted(moved, key=lambda category: (-category.score, category.category_id))


def _is_for_others(departments: Collection[str] | None, department: str) -> bool:
    return bool(departments) and department not in (departments or ())


def _votes(hits: Sequence[Hit], weights: VotingWeights) -> Iterator[tuple[Hit, float]]:
    """The hits that vote, nearest first, each with its vote."""
    left = float(weights.neighbours)
    # Equal texts have equal vectors, and their similarities differ by rounding at most.
    for score, alike in groupby(_nearest(hits), key=lambda hit: round(hit.score, SAME_DIGITS)):
        rows = list(alike)
        votes = min(len(rows), weights.of_one_text, left)
        left -= votes
        if votes <= 0:
            return
        vote = votes / len(rows) * math.exp((score - 1) / weights.neighbour_temperature)
        yield from ((hit, vote) for hit in rows)


def _nearest(hits: Sequence[Hit]) -> list[Hit]:
    """Each row once, nearest first, ties in the order of row_id."""
    ordered = sorted(hits, key=lambda hit: (-hit.score, hit.row_id, hit.category_id))
    return list({hit.row_id: hit for hit in reversed(ordered)}.values())[::-1]


def _softmax(hits: Sequence[Hit], temperature: float) -> dict[uuid.UUID, float]:
    best: dict[uuid.UUID, float] = {}
    for hit in hits:
        best[hit.category_id] = max(hit.score, best.get(hit.category_id, -math.inf))
    top = max(best.values(), default=0.0)
    powers = {category_id: math.exp((score - top) / temperature) for category_id, score in best.items()}
    total = math.fsum(powers.values())
    return {category_id: power / total for category_id, power in powers.items()}
