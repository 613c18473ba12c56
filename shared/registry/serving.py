"""What answers an organisation's requests: a bi-encoder, and a reranker behind it where one is on."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.engines.encoder_cache import ModelRef
from shared.engines.reranker import NoReranker
from shared.engines.reranker_cache import RerankerRef
from shared.kit.errors import Conflict, Invalid
from shared.registry import store
from shared.registry.collections import serving_name
from shared.registry.tables import ModelVersion
from shared.transactions.formats import TextFormat

RERANKERS = ("reranker", "hosted_reranker")
HOSTED = "hosted_reranker"
TUNED = "fine_tuned"


class NoActiveModel(Conflict):
    code = "no-active-model"
    message = "No model is active yet. List them with GET /v1/models, then POST /v1/models/{id}/activate."


class NoBiEncoder(Invalid):
    code = "no-bi-encoder"
    message = "This is a reranker, which puts in order what another model has found. Name a model that finds."


class NoWeights(Invalid):
    code = "no-weights"
    message = "This model is hosted elsewhere, and its weights are not here. Name one whose weights are."


@dataclass(frozen=True)
class Reranking:
    """A second stage: it puts the first `top_n` categories in order again."""

    version_id: uuid.UUID
    version_name: str
    reranker: RerankerRef
    texts: TextFormat
    top_n: int


@dataclass(frozen=True)
class Serving:
    """What a request resolves once: a model version, its collection, and the second stage behind it.

    `is_tuned`: whether it was tuned on labels of the organisation.
    """

    organization_id: uuid.UUID
    version_id: uuid.UUID
    version_name: str
    fingerprint: str
    model: ModelRef
    counter: int
    texts: TextFormat
    is_tuned: bool = False
    reranking: Reranking | None = None

    @property
    def collection(self) -> str:
        """Where this model's points are."""
        return serving_name(self.fingerprint, self.texts)


def serving_of(version: ModelVersion, counter: int = 0, reranking: Reranking | None = None) -> Serving:
    """How the version would be served."""
    return Serving(
        organization_id=version.organization_id,
        version_id=version.id,
        version_name=version.name,
        fingerprint=version.fingerprint,
        model=model_of(version),
        counter=counter,
        texts=TextFormat.of(version.parameters),
        is_tuned=version.kind == TUNED,
        reranking=reranking,
    )


def reranking_of(version: ModelVersion, top_n: int) -> Reranking:
    """How the version would put the first `top_n` in order.

    Raises:
        NoReranker: it is a bi-encoder.
    """
    if version.kind not in RERANKERS:
        raise NoReranker
    return Reranking(
        version_id=version.id,
        version_name=version.name,
        reranker=RerankerRef(model_of(version), is_hosted=version.kind == HOSTED),
        texts=TextFormat.of(version.parameters),
        top_n=top_n,
    )


def find_active(session: Session, organization_id: uuid.UUID) -> Serving | None:
    """What the organisation is served with; None before the first activation."""
    row = store.find_active(session, organization_id)
    if row is None:
        return None
    version, active, reranker = row
    reranking = None if reranker is None else reranking_of(reranker, active.rerank_top_n)
    return serving_of(version, active.counter, reranking)


def get_active(session: Session, organization_id: uuid.UUID) -> Serving:
    """What the organisation is served with.

    Raises:
        NoActiveModel: before the first activation.
    """
    serving = find_active(session, organization_id)
    if serving is None:
        raise NoActiveModel
    return serving


def get_bi_encoder(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> ModelVersion:
    """The organisation's model version.

    Raises:
        ModelNotFound: it has none of this id.
        NoBiEncoder: it is a reranker.
    """
    version = store.get(session, organization_id, version_id)
    if version.kind in RERANKERS:
        raise NoBiEncoder
    return version


def get_reranker(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> ModelVersion:
    """The organisation's reranker.

    Raises:
        ModelNotFound: it has no version of this id.
        NoReranker: it is a bi-encoder.
    """
    version = store.get(session, organization_id, version_id)
    if version.kind not in RERANKERS:
        raise NoReranker
    return version


def get_local(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> ModelVersion:
    """The organisation's model version, whose weights are here.

    Raises:
        ModelNotFound: it has none of this id.
        NoWeights: it is a hosted one.
    """
    version = store.get(session, organization_id, version_id)
    if version.kind == HOSTED:
        raise NoWeights
    return version


def switch_reranker(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID | None, top_n: int
) -> Serving:
    """Put the reranker behind whichever model is active, now and after later activations; None: take it away.

    Raises:
        NoActiveModel: there is nothing yet that it could stand behind.
        ModelNotFound, NoReranker: see `get_reranker`.
    """
    if version_id is not None:
        get_reranker(session, organization_id, version_id)
    if not store.set_reranker(session, organization_id, version_id, top_n):
        raise NoActiveModel
    return get_active(session, organization_id)


def model_of(version: ModelVersion) -> ModelRef:
    """Where the version's weights are."""
    return ModelRef(version.base_model, version.base_model_revision, version.artifact, version.dimension)


def most_used_models(session: Session, limit: int) -> list[ModelRef]:
    """The models that are active in the most organisations: what a process should have loaded."""
    return [ModelRef(*columns) for columns in store.most_used_weights(session, limit)]


def most_used_rerankers(session: Session, limit: int) -> list[RerankerRef]:
    """The rerankers whose weights are here and which are on in the most organisations."""
    return [RerankerRef(ModelRef(*columns)) for columns in store.most_used_reranker_weights(session, limit)]
