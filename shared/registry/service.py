"""Model versions: which there are, which is active, and how to go back."""

import hashlib
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from shared.jobs import service as jobs
from shared.jobs.kinds import ActivateParams
from shared.jobs.tables import Job
from shared.kit.errors import Conflict
from shared.kit.paging import Page, Paging
from shared.registry import store
from shared.registry.serving import (
    find_active,
    get_active,
    get_bi_encoder,
)
from shared.registry.store import ModelNameTaken, ModelNotFound
from shared.registry.tables import Activation, Evaluation, EvaluationRow, ModelVersion

BASE_NAME = "base"


class NothingToRollBackTo(Conflict):
    code = "nothing-to-roll-back-to"
    message = "No other model was active before this one."


class SwitchedMeanwhile(Conflict):
    code = "switched-meanwhile"
    message = (
        "Another activation came first. Look at the active model, then activate again if you still want to."
    )


def register_base(
    session: Session, organization_id: uuid.UUID, base_model: str, revision: str | None
) -> ModelVersion:
    """Give a new organisation its first model version, the base model as it is."""
    name = f"{base_model}@{revision}" if revision else base_model
    version = ModelVersion(
        organization_id=organization_id,
        name=BASE_NAME,
        kind="base",
        base_model=base_model,
        base_model_revision=revision,
        fingerprint=hashlib.sha256(name.encode()).hexdigest(),
        parameters={},
        metrics={},
    )
    return store.add(session, version)


def add_hosted_reranker(session: Session, organization_id: uuid.UUID, name: str, model: str) -> ModelVersion:
    """Register a model of the endpoint that the settings name.

    Raises:
        ModelNameTaken: another version has the name.
    """
    version = ModelVersion(
        organization_id=organization_id,
        name=name,
        kind="hosted_reranker",
        base_model=model,
        fingerprint=hashlib.sha256(f"hosted:{model}".encode()).hexdigest(),
        parameters={},
        metrics={},
    )
    return store.add(session, version)


def get_base(session: Session, organization_id: uuid.UUID) -> ModelVersion:
    """The organisation's base model."""
    version = store.find_by_name(session, organization_id, BASE_NAME)
    if version is None:
        raise ModelNotFound
    return version


def has_name(session: Session, organization_id: uuid.UUID, name: str) -> bool:
    """Whether a model version of the organisation has this name."""
    return store.find_by_name(session, organization_id, name) is not None


def check_name(session: Session, organization_id: uuid.UUID, name: str) -> None:
    """Raise `ModelNameTaken` where a model version of the organisation has this name."""
    if has_name(session, organization_id, name):
        raise ModelNameTaken


def list_active(session: Session) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
    """(organisation, its active model version), for upkeep."""
    return store.active_with(session, "")


def submit_activation(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID, *, request_id: str | None = None
) -> Job:
    """Queue the indexing of a model version and the switch to it.

    Raises:
        ModelNotFound, NoBiEncoder: see `get_bi_encoder`.
    """
    version = get_bi_encoder(session, organization_id, version_id)
    active = find_active(session, organization_id)
    params = ActivateParams(model_version_id=version.id, counter=active.counter if active else 0)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def submit_rollback(session: Session, organization_id: uuid.UUID, *, request_id: str | None = None) -> Job:
    """Queue the activation of the model that was active before the present one.

    Raises:
        NoActiveModel: none is active.
        NothingToRollBackTo: no other was active before.
    """
    active = get_active(session, organization_id)
    for activation in store.activations(session, organization_id):
        if activation.model_version_id != active.version_id:
            return submit_activation(
                session, organization_id, activation.model_version_id, request_id=request_id
            )
    raise NothingToRollBackTo


def activate(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID, counter: int) -> int:
    """Switch, if `counter` is still that of the active model; returns the new counter.

    Raises:
        SwitchedMeanwhile: another activation came first.
    """
    if not store.compare_and_set_active(session, organization_id, version_id, counter):
        raise SwitchedMeanwhile
    activation = Activation(organization_id=organization_id, model_version_id=version_id, counter=counter + 1)
    store.add_activation(session, activation)
    return counter + 1


def list_evaluations(
    session: Session,
    organization_id: uuid.UUID,
    paging: Paging,
    *,
    model_version_id: uuid.UUID | None = None,
    dataset_id: uuid.UUID | None = None,
    split: str | None = None,
) -> Page[Evaluation]:
    """The organisation's evaluations, newest first, without their reports."""
    wanted = {"model_version_id": model_version_id, "dataset_id": dataset_id, "split": split}
    return store.list_evaluations(session, organization_id, paging, **wanted)


def list_evaluation_rows(
    session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID, paging: Paging
) -> Page[EvaluationRow]:
    """A page of an evaluation's rows."""
    store.get_evaluation(session, organization_id, evaluation_id)
    return store.list_evaluation_rows(session, organization_id, evaluation_id, paging)


def find_last_evaluation_of_active(session: Session, organization_id: uuid.UUID) -> Evaluation | None:
    """The newest evaluation of the model that serves, categories under their own names; None: none yet."""
    active = find_active(session, organization_id)
    return None if active is None else store.latest_evaluation(session, organization_id, active.version_id)
