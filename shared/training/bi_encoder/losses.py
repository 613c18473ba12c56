"""The loss of a recipe, for a model in training."""

from typing import TYPE_CHECKING, Any

from shared.jobs.kinds import Loss, Recipe
from shared.training.rows import Untrainable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# They take labelled texts and find their triplets in the batch; all other losses take pairs.
OF_LABELS: frozenset[Loss] = frozenset(
    {
        "batch_semi_hard_triplet",
        "batch_hard_triplet",
        "batch_hard_soft_margin_triplet",
        "batch_all_triplet",
    }
)

# Cosine distance by which a triplet's negative shall be further than its positive. The library's default of 5
# is for vectors of any length; unit vectors are never more than 2 apart.
TRIPLET_MARGIN = 0.2
# What makes log-odds of a cosine similarity, as in MultipleNegativesRankingLoss: a student's margins are
# compared with a reranker's in that unit.
TEACHER_SCALE = 20.0


def dimensions_of(model: "SentenceTransformer", recipe: Recipe) -> tuple[int, ...]:
    """The lengths that the model's vectors may be cut to once trained, the whole first.

    Raises:
        Untrainable: the recipe has one that is more than the whole.
    """
    whole = model.get_embedding_dimension()
    assert whole is not None
    if any(dimension > whole for dimension in recipe.matryoshka_dimensions):
        raise Untrainable(f"The model's vectors have {whole} numbers; no dimension can be more.")
    return (whole, *(dimension for dimension in recipe.matryoshka_dimensions if dimension != whole))


def loss_of(model: "SentenceTransformer", recipe: Recipe) -> Any:
    """The recipe's loss, at each of its Matryoshka dimensions and always at the whole one.

    Raises:
        Untrainable: a dimension that the model does not have.
    """
    from sentence_transformers.sentence_transformer import losses

    loss = _plain(model, recipe)
    if not recipe.matryoshka_dimensions:
        return loss
    return losses.MatryoshkaLoss(model, loss, list(dimensions_of(model, recipe)))


def _plain(model: "SentenceTransformer", recipe: Recipe) -> Any:
    from sentence_transformers.sentence_transformer import losses

    if recipe.loss in OF_LABELS:
        return _batch_triplet(model, recipe.loss)
    if recipe.loss == "triplet":
        distance = losses.TripletDistanceMetric.COSINE
        return losses.TripletLoss(model, distance_metric=distance, triplet_margin=TRIPLET_MARGIN)
    if recipe.loss == "cached_mnrl":
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=recipe.mini_batch_size)
    if recipe.loss == "symmetric_mnrl":
        return losses.MultipleNegativesRankingLoss(
            model, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
        )
    if recipe.loss == "margin_mse":
        return losses.MarginMSELoss(model, similarity_fct=_log_odds)
    assert recipe.loss == "mnrl", recipe.loss
    return losses.MultipleNegativesRankingLoss(model)


def _log_odds(one: Any, other: Any) -> Any:
    """TEACHER_SCALE times the cosine similarity of each pair of rows."""
    from sentence_transformers.util import pairwise_cos_sim

    return TEACHER_SCALE * pairwise_cos_sim(one, other)


def _batch_triplet(model: "SentenceTransformer", name: Loss) -> Any:
    from sentence_transformers.sentence_transformer import losses

    distance = losses.BatchHardTripletLossDistanceFunction.cosine_distance
    if name == "batch_hard_soft_margin_triplet":
        return losses.BatchHardSoftMarginTripletLoss(model, distance_metric=distance)
    kinds = {
        "batch_semi_hard_triplet": losses.BatchSemiHardTripletLoss,
        "batch_hard_triplet": losses.BatchHardTripletLoss,
        "batch_all_triplet": losses.BatchAllTripletLoss,
    }
    return kinds[name](model, distance_metric=distance, margin=TRIPLET_MARGIN)
