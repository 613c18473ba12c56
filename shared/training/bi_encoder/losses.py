"""The loss of a recipe, for a model in training."""

from typing import TYPE_CHECKING, Any

from shared.jobs.kinds import Loss, Recipe
from shared.training.rows import Untrainable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# These losses take labelled texts and form their triplets within the batch; all other losses take pairs.
OF_LABELS: frozenset[Loss] = frozenset(
    {
        "batch_semi_hard_triplet",
        "batch_hard_triplet",
        "batch_hard_soft_margin_triplet",
        "batch_all_triplet",
    }
)

# By how much a triplet's negative should be further away than its positive, in cosine distance. The library's
# default of 5 is meant for vectors of any length; unit vectors are never more than 2 apart.
TRIPLET_MARGIN = 0.2
# Turns a cosine similarity into log-odds, as in MultipleNegativesRankingLoss: the unit in which a student's
# margins are compared with a reranker's.
TEACHER_SCALE = 20.0


def dimensions_of(model: "SentenceTransformer", recipe: Recipe) -> tuple[int, ...]:
    """The lengths that the trained model's vectors may be cut to, the full length first.

    Raises:
        Untrainable: one of the recipe's dimensions is greater than the full length.
    """
    full = model.get_embedding_dimension()
    assert full is not None
    if any(dimension > full for dimension in recipe.matryoshka_dimensions):
        raise Untrainable(f"The model's vectors have {full} numbers; no dimension can be more.")
    return (full, *(dimension for dimension in recipe.matryoshka_dimensions if dimension != full))


def loss_of(model: "SentenceTransformer", recipe: Recipe) -> Any:
    """The recipe's loss; with Matryoshka dimensions, at each of them and at the full length.

    Raises:
        Untrainable: a dimension that the model does not have.
    """
    from sentence_transformers.sentence_transformer import losses

    loss = _base_loss(model, recipe)
    if not recipe.matryoshka_dimensions:
        return loss
    return losses.MatryoshkaLoss(model, loss, list(dimensions_of(model, recipe)))


def _base_loss(model: "SentenceTransformer", recipe: Recipe) -> Any:
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


def _log_odds(left: Any, right: Any) -> Any:
    """TEACHER_SCALE times the cosine similarity of each pair of rows."""
    from sentence_transformers.util import pairwise_cos_sim

    return TEACHER_SCALE * pairwise_cos_sim(left, right)


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
