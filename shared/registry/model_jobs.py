"""Jobs whose output is a model version."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from sqlalchemy.orm import Session

from shared.datasets.tables import Dataset
from shared.engines.artifacts import Artifacts
from shared.jobs.run import Effects, Run
from shared.kit.pydantic_json import JSONModel
from shared.registry import cards, store
from shared.registry.tables import ModelVersion


class ModelResult(JSONModel):
    """The result of a job whose output is a model version; a training adds the version's metrics."""

    model_config = ConfigDict(extra="allow")

    model_version_id: uuid.UUID


def run_and_register(
    run: Run,
    artifacts: Artifacts,
    produce: Callable[[Path], ModelVersion],
    *,
    dataset: Dataset | None = None,
    result_of: Callable[[ModelVersion], dict[str, Any]] = lambda _: {},
) -> Effects:
    """Let `produce` write a model to a staging folder, save it as an artifact and register its version.

    The version must have the job's own id, so retrying is idempotent. Each attempt has an artifact of its
    own, so an attempt that lost its lease overwrites nothing. `dataset` is described in the model card;
    `result_of` returns what the job's result holds besides the version's id.
    """
    for earlier in range(
        1, run.attempt
    ):  # artifacts of attempts whose process died before the last transaction
        artifacts.delete(f"models/{run.job_id}-{earlier}")
    name = f"models/{run.job_id}-{run.attempt}"
    with artifacts.staging_folder(run.job_id, run.attempt) as folder:
        version = produce(folder)
        cards.write(folder, version, dataset)
        version.artifact, version.fingerprint = name, artifacts.save(name, folder)

    def apply_effects(session: Session) -> dict[str, Any]:
        store.add(session, version)
        return ModelResult(model_version_id=version.id, **result_of(version)).model_dump(mode="json")

    return apply_effects
