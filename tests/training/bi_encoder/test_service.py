"""Trainings as jobs: a real trainer's process, a tiny dataset, and the model version that comes out."""

import json
import math
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from shared.datasets import store as dataset_store
from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import TrainingParams
from shared.jobs.run import Lease, execute
from shared.jobs.tables import Job
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import serving_of
from shared.registry.store import ModelNameTaken
from shared.resources import Resources
from shared.training.bi_encoder import service as bi_encoder
from shared.training.bi_encoder.spec import FinetuneResult
from shared.training.metrics import EpochMetrics
from shared.training.rows import Untrainable
from shared.training.trainer_process import TrainingFailed
from tests.factories import OrganizationClient, new_organization
from tests.training.trainings import WORDS, freeze, label_rows, run_job, saying, submit, trained_here


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_a_training_becomes_a_model_version_that_loads_and_verifies(
    organization: OrganizationClient,
    resources: Resources,
    engine: Engine,
    dataset_id: uuid.UUID,
    tmp_path: Path,
) -> None:
    first = run_job(resources, submit(engine, organization, dataset_id, "a"))
    again_id = submit(engine, organization, dataset_id, "b")
    second = run_job(resources, again_id, trained_here(resources, again_id, tmp_path / "model"))
    assert (first.status, second.status) == ("succeeded", "succeeded"), (first.error, second.error)
    with transaction(engine) as session:
        trained, again = (
            model_store.get(session, organization.id, uuid.UUID(job.result["model_version_id"]))
            for job in (first, second)
            if job.result is not None
        )
        listed = model_store.list_(session, organization.id, Paging()).rows
    assert [row.name for row in listed] == ["b", "a", "base"]
    # The same seed and data: the same weights and figures, in whichever process.
    assert trained.fingerprint == again.fingerprint
    assert trained.artifact != again.artifact
    for key in ("epochs", "best_epoch", "triplet_accuracy_after", "steps"):
        assert trained.metrics[key] == again.metrics[key]
    assert trained.metrics["steps"] > 0
    assert [epoch["epoch"] for epoch in trained.metrics["epochs"]] == [0, 1]
    assert first.progress is not None
    assert first.progress["done"] == first.progress["total"] == trained.metrics["steps"]

    assert trained.artifact is not None
    resources.artifacts.verify(trained.artifact)
    assert resources.artifacts.digest(trained.artifact) == trained.fingerprint
    assert not list(resources.artifacts.path("staging").iterdir())
    from sentence_transformers import SentenceTransformer

    folder = resources.artifacts.path(trained.artifact)
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    served = resources.encoders.get(serving_of(trained).model).encode(["Marriott"])
    assert np.allclose(plain.encode(["Marriott"], normalize_embeddings=True), served, atol=1e-5)
    with transaction(engine) as session:
        base = serving_of(registry.get_base(session, organization.id))
    assert not np.allclose(resources.encoders.get(base.model).encode(["Marriott"]), served, atol=1e-3)


def test_a_taken_name_is_refused_at_the_door_and_at_the_end(
    organization: OrganizationClient, resources: Resources, engine: Engine, dataset_id: uuid.UUID
) -> None:
    with pytest.raises(ModelNameTaken):
        submit(engine, organization, dataset_id, "base")
    first, second, third = (submit(engine, organization, dataset_id, "tuned") for _ in range(3))

    def work(run: Any, params: Any) -> Any:  # another one ends between this one's start and its end
        effects = bi_encoder.train(run, params, resources, saying({"result": {}}))
        assert run_job(resources, second, saying({"result": {}})).status == "succeeded"
        return effects

    assert execute(engine, first, lambda _: work, Lease(60, 10)) == "failed"
    late = run_job(resources, third, saying({"result": {}}))
    with transaction(engine) as session:
        codes = [(jobs.get_any(session, job_id).error or {}).get("code") for job_id in (first, second, third)]
    assert (codes, late.status) == (["model-name-taken", None, "model-name-taken"], "failed")


def test_what_cannot_be_trained_on_is_refused(
    organization: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    label_rows(organization, {"Travel": ("Delta", "KLM")})
    dataset = freeze(organization, resources)
    with pytest.raises(Untrainable):
        submit(engine, organization, dataset, "tuned")
    other = new_organization(organization.client)
    with pytest.raises(dataset_store.DatasetNotFound):
        submit(engine, other, dataset, "tuned")


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (saying({"error": {"code": "untrainable", "message": "Too little."}}), "untrainable", "Too little."),
        (saying({"error": TrainingFailed().as_dict()}), "training-failed", "The worker's log"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "trainer-died", "-9"),
        ([sys.executable, "-c", ""], "trainer-died", "exit status 0"),
    ],
    ids=["foreseen", "unforeseen", "killed", "silent"],
)
def test_a_training_that_ends_badly_says_how_and_leaves_no_files(
    organization: OrganizationClient,
    resources: Resources,
    engine: Engine,
    dataset_id: uuid.UUID,
    command: list[str],
    code: str,
    text: str,
) -> None:
    job_id = submit(engine, organization, dataset_id, "tuned")
    job = run_job(resources, job_id, command)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["code"] == code
    assert text in job.error["message"]
    staging = resources.artifacts.path("staging")
    assert not staging.exists() or not list(staging.iterdir())
    with transaction(engine) as session:
        assert not registry.has_name(session, organization.id, "tuned")


def test_an_attempt_that_comes_back_from_the_dead_changes_no_file(
    organization: OrganizationClient,
    resources: Resources,
    engine: Engine,
    dataset_id: uuid.UUID,
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("late", "good")]
    for folder in folders:
        folder.mkdir()
        (folder / "weights").write_text(folder.name)
    job_id = submit(engine, organization, dataset_id, "tuned")
    nested: list[Job] = []

    def late(run: Any, params: Any) -> Any:
        save = resources.artifacts.save

        class Artifacts(type(resources.artifacts)):  # type: ignore[misc]  # stopped just before it saves
            def save(self, name: str, source: Path) -> str:
                with transaction(engine) as session:
                    job_store.renew_lease(session, job_id, run.attempt, -1, None)
                    assert job_store.expire_leases(session, {})
                nested.append(run_job(resources, job_id, saying({"result": {}}, folder=folders[1])))
                return save(name, source)

        slow = Artifacts(resources.artifacts.root)
        return bi_encoder.train(
            run, params, replace(resources, artifacts=slow), saying({"result": {}}, folder=folders[0])
        )

    assert execute(engine, job_id, lambda _: late, Lease(60, 10)) == "lost"
    assert [(job.status, job.attempt) for job in nested] == [("succeeded", 2)]
    with transaction(engine) as session:
        version = model_store.get(session, organization.id, job_id)
    assert version.artifact is not None
    resources.artifacts.verify(version.artifact)
    assert resources.artifacts.digest(version.artifact) == version.fingerprint
    assert (resources.artifacts.path(version.artifact) / "weights").read_text() == "good"


def test_figures_that_are_not_numbers_can_be_kept() -> None:
    nothing = FinetuneResult(
        model_dir=Path("model"),
        epochs=(EpochMetrics(0, math.nan, math.nan),),
        best_epoch=1,
        triplet_accuracy_before=None,
        triplet_accuracy_after=None,
        steps=1,
        seconds=0.5,
        rows=8,
        rows_per_second=16.0,
        peak_memory_mb=512.0,
        peak_memory_of="process",
        dimensions=(384,),
        device="cpu",
        precision="float32",
        losses=(0.1,),
    )
    summary = bi_encoder.summary(nothing)
    assert summary["epochs"] == [{"epoch": 0, "recall_at_1": None, "mrr": None}]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_same_rows_and_seed_train_the_same_in_any_organization(
    organization: OrganizationClient, resources: Resources, tmp_path: Path
) -> None:
    other = new_organization(organization.client)
    label_rows(organization, WORDS)
    label_rows(other, dict(reversed([(name, merchants[::-1]) for name, merchants in WORDS.items()])))

    def prepared(owner: OrganizationClient) -> Any:
        job_id = submit(resources.engine, owner, freeze(owner, resources), "model")
        with transaction(resources.engine) as session:
            params = jobs.parse_params(jobs.get_any(session, job_id))
        assert isinstance(params, TrainingParams)
        request = bi_encoder.load_request(owner.id, params, resources, tmp_path)
        return request, list(request.category_texts)

    assert prepared(organization) == prepared(other)
