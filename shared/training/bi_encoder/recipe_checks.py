"""Whether a recipe is one that can be trained: what no single field of it says."""

from shared.jobs.kinds import Recipe
from shared.kit.errors import FieldError, Invalid
from shared.training.bi_encoder.losses import OF_LABELS


def check(recipe: Recipe, *, dimension: int | None, has_teacher: bool) -> None:
    """Refuse what cannot be trained; `dimension`: of the model's whole vectors, where it is known.

    Raises:
        Invalid: with an error for each field.
    """
    errors = [*_of_loss(recipe, has_teacher=has_teacher), *_of_dimensions(recipe, dimension)]
    if errors:
        raise Invalid(errors=tuple(errors))


def _of_loss(recipe: Recipe, *, has_teacher: bool) -> list[FieldError]:
    errors = []
    if (recipe.loss == "margin_mse") != has_teacher:
        message = "The loss `margin_mse` learns from a teacher, and no other one does."
        errors.append(FieldError("/teacher_version_id", "teacher", message))
    if recipe.loss in OF_LABELS:
        if recipe.batch_size < 4 or recipe.batch_size % 2:
            message = "This loss needs an even number of at least 4: two texts of each of two categories."
            errors.append(FieldError("/batch_size", "uneven", message))
        if recipe.negatives != "in_batch":
            message = "This loss finds its negatives in the batch."
            errors.append(FieldError("/negatives", "not-with-this-loss", message))
    if recipe.loss == "triplet" and recipe.negatives_per_pair != 1:
        message = "A triplet has one negative."
        errors.append(FieldError("/negatives_per_pair", "not-with-this-loss", message))
    return errors


def _of_dimensions(recipe: Recipe, dimension: int | None) -> list[FieldError]:
    dimensions = recipe.matryoshka_dimensions
    errors = []
    if list(dimensions) != sorted(set(dimensions), reverse=True):
        message = "Each dimension must be less than the one before."
        errors.append(FieldError("/matryoshka_dimensions", "not-descending", message))
    if dimension is not None and any(one > dimension for one in dimensions):
        message = f"The model's vectors have {dimension} numbers; no dimension can be more."
        errors.append(FieldError("/matryoshka_dimensions", "too-large", message))
    return errors
