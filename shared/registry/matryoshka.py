"""Variants of a model version: the same weights, with vectors cut to a length that they were trained for."""

import hashlib
import uuid

from sqlalchemy.orm import Session

from shared.engines import packaged_model
from shared.kit.errors import Invalid
from shared.registry import store
from shared.registry.serving import get_bi_encoder
from shared.registry.tables import ModelVersion


class DimensionNotTrained(Invalid):
    code = "dimension-not-trained"
    message = "The model was not trained to have its vectors cut to this length. See `matryoshka_dimensions`."


def dimension_of(version: ModelVersion) -> int | None:
    """Of the weights' whole vectors; None where only the files say it."""
    known = version.metrics.get("dimensions")
    if known:
        return int(known[0])
    return packaged_model.DIMENSION if version.base_model == packaged_model.NAME else None


def add_variant(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID, *, name: str, dimension: int
) -> ModelVersion:
    """Register the version anew with its vectors cut; both share the files, and neither the collection.

    Raises:
        ModelNotFound: not the organisation's.
        NoBiEncoder: it is a reranker, which makes no vectors.
        DimensionNotTrained: only lengths in the recipe's `matryoshka_dimensions`, shorter than the version's.
        ModelNameTaken: another version has the name.
    """
    whole = get_bi_encoder(session, organization_id, version_id)
    trained = whole.parameters.get("matryoshka_dimensions", ())
    limit = whole.dimension or dimension_of(whole)
    if dimension not in trained or (limit is not None and dimension >= limit):
        raise DimensionNotTrained
    variant = ModelVersion(
        organization_id=organization_id,
        name=name,
        kind=whole.kind,
        base_model=whole.base_model,
        base_model_revision=whole.base_model_revision,
        # Collections are named after it, and vectors of different lengths cannot share one.
        fingerprint=hashlib.sha256(f"{whole.fingerprint}/{dimension}".encode()).hexdigest(),
        artifact=whole.artifact,
        dimension=dimension,
        parameters={**whole.parameters, "variant_of": str(whole.id)},
        # The training's figures are those of whole vectors.
        metrics={"dimensions": whole.metrics.get("dimensions", [])},
        dataset_id=whole.dataset_id,
        job_id=whole.job_id,
    )
    return store.add(session, variant)
