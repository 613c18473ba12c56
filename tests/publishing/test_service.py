"""Models to a hub and back, over HTTP and through real jobs; and folders that nobody can lead astray."""

import json
import logging
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from shared.engines.artifacts import CARD, MANIFEST
from shared.engines.hub import Hub
from shared.jobs import service as jobs
from shared.jobs.handlers import load_handlers
from shared.jobs.kinds import kind_of
from shared.jobs.run import Effects, Lease, Run, execute
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.serving import model_of
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.publishing.scripted_hub import Repository, ScriptedHub

# huggingface_hub's own, of the way in which it uses its HTTP library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPOSITORY = "acme/categories"
COMMIT = "0" * 40


def models_dir(opened: Resources) -> Path:
    assert opened.settings.models_dir is not None
    return opened.settings.models_dir


def add_model(opened: Resources, caller: OrganizationClient, folder: Path) -> ModelVersion:
    """A version with the files of the folder."""
    name = f"models/{uuid.uuid4()}-1"
    version = ModelVersion(
        organization_id=caller.id,
        name="tuned",
        kind="fine_tuned",
        base_model="all-MiniLM-L6-v2",
        fingerprint=opened.artifacts.save(name, folder),
        artifact=name,
        parameters={},
        metrics={},
    )
    with transaction(opened.engine) as session:
        return model_store.add(session, version)


def run_job(opened: Resources, answer: Any, hub: Hub) -> Job:
    """The job of a 202, after its attempt."""
    assert answer.status_code == 202, answer.text
    job_id = uuid.UUID(answer.json()["id"])
    handlers = load_handlers()

    def work(run: Run, params: Any) -> Effects:
        handler: Callable[..., Effects] = handlers[kind_of(params).name]
        return handler(run, params, opened, hub=hub)

    execute(opened.engine, job_id, lambda _: work, Lease(60, 10))
    with transaction(opened.engine) as session:
        return jobs.get_any(session, job_id)


def code_of(job: Job) -> str:
    assert (job.status, job.error is None) == ("failed", False), job.result
    return str((job.error or {})["code"])


def version_of(engine: Engine, caller: OrganizationClient, job: Job) -> ModelVersion:
    assert job.status == "succeeded", job.error
    assert job.result is not None
    with transaction(engine) as session:
        return model_store.get(session, caller.id, uuid.UUID(job.result["model_version_id"]))


def push(caller: OrganizationClient, version_id: Any, **fields: Any) -> Any:
    return caller.post(f"/v1/models/{version_id}/push", {"repository": REPOSITORY, **fields})


def fetch(caller: OrganizationClient, source: str, **fields: Any) -> Any:
    return caller.post("/v1/models/import", {"name": "fetched", "source": source, **fields})


def test_a_model_that_was_pushed_comes_back_the_same(
    opened: Resources,
    caller: OrganizationClient,
    hub: ScriptedHub,
    small_model: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    client = Hub(SecretStr(hub.token), endpoint=hub.url)
    version = add_model(opened, caller, small_model)
    pushed = run_job(opened, push(caller, version.id), client)
    assert pushed.status == "succeeded", pushed.error
    there = hub.repositories[REPOSITORY]
    assert there.is_private
    assert pushed.result == {
        "repository": REPOSITORY,
        "commit": there.commit,
        "url": f"{hub.url}/{REPOSITORY}/commit/{there.commit}",
    }
    assert version.artifact is not None
    folder = opened.artifacts.path(version.artifact)
    ours = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert there.files.keys() == (ours.keys() - {MANIFEST}) | {CARD}
    assert all(there.files[name] == path.read_bytes() for name, path in ours.items() if name != MANIFEST)
    assert there.files[CARD].decode() == caller.get(f"/v1/models/{version.id}/card").text
    assert set(hub.large) == {
        entry["sha256"] for entry in _manifest(folder).values() if entry["size"] > 10_000
    }

    there.files |= {"pytorch_model.bin": b"pickled", "modeling_own.py": b"print()", "../out.json": b"{}"}
    hub.requests.clear()
    answer = fetch(caller, REPOSITORY, revision=there.commit)
    fetched = version_of(opened.engine, caller, run_job(opened, answer, client))
    assert (fetched.kind, fetched.base_model_revision) == ("imported", there.commit)
    assert fetched.fingerprint == version.fingerprint
    assert not [
        path for _, path, _ in hub.requests if "own.py" in path or "bin" in path or "out.json" in path
    ]
    pushed_vectors, fetched_vectors = (
        opened.encoders.get(model_of(model)).encode(["Marriott"]) for model in (version, fetched)
    )
    np.testing.assert_array_equal(pushed_vectors, fetched_vectors)
    assert {given for _, path, given in hub.requests if "large" not in path} == {f"Bearer {hub.token}"}
    out, err = capfd.readouterr()
    outputs = [out, err, caplog.text, json.dumps(pushed.params), json.dumps(pushed.result)]
    assert not [text for text in outputs if hub.token in text]


def _manifest(folder: Path) -> dict[str, Any]:
    files: dict[str, Any] = json.loads((folder / MANIFEST).read_text())["files"]
    return files


def test_what_should_be_private_never_goes_where_everybody_reads(
    opened: Resources, caller: OrganizationClient, hub: ScriptedHub, small_model: Path
) -> None:
    hub.repositories[REPOSITORY] = Repository(is_private=False)
    client = Hub(SecretStr(hub.token), endpoint=hub.url)
    version = add_model(opened, caller, small_model)
    assert code_of(run_job(opened, push(caller, version.id), client)) == "repository-is-public"
    assert (hub.repositories[REPOSITORY].files, hub.large) == ({}, {})
    job = run_job(opened, push(caller, version.id, is_private=False), client)
    assert (job.status, CARD in hub.repositories[REPOSITORY].files) == ("succeeded", True)


def test_a_hub_that_refuses_or_is_away_fails_the_job_in_words_without_the_token(
    opened: Resources, caller: OrganizationClient, hub: ScriptedHub, small_model: Path
) -> None:
    version = add_model(opened, caller, small_model)
    secret = "hf_canary_of_a_token"
    wrong = Hub(SecretStr(secret), endpoint=hub.url)
    away = Hub(SecretStr(secret), endpoint="http://127.0.0.1:9")
    right = Hub(SecretStr(hub.token), endpoint=hub.url)
    refused = run_job(opened, push(caller, version.id), wrong)
    assert (code_of(refused), secret in json.dumps(refused.error)) == ("hub-refused", False)
    assert code_of(run_job(opened, push(caller, version.id), away)) == "hub-unreachable"
    assert code_of(run_job(opened, fetch(caller, "no/body", revision=COMMIT), right)) == "not-on-hub"
    assert code_of(run_job(opened, fetch(caller, "no/body", revision=COMMIT), away)) == "hub-unreachable"
    hub.repositories["acme/other"] = Repository(is_private=False)
    assert code_of(run_job(opened, fetch(caller, "acme/other", revision=COMMIT), right)) == "not-on-hub"
    staging = opened.artifacts.path("staging")
    assert not staging.exists() or not list(staging.iterdir())


def test_without_a_token_or_files_there_is_nothing_to_push(organization: OrganizationClient) -> None:
    [base] = organization.get("/v1/models").json()["data"]
    assert push(organization, base["id"]).json()["code"] == "nothing-to-push"


def test_a_push_without_a_token_names_the_setting(
    resources: Resources, organization: OrganizationClient, small_model: Path
) -> None:
    version = add_model(resources, organization, small_model)
    answer = push(organization, version.id)
    assert (answer.status_code, answer.json()["code"]) == (409, "hub-token-missing")
    assert "OUTLAY_HUB_TOKEN" in answer.json()["detail"]


def test_a_folder_is_imported_with_its_safetensors_only(
    opened: Resources, caller: OrganizationClient, small_model: Path
) -> None:
    folder = models_dir(opened) / "team" / "small"
    shutil.copytree(small_model, folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    (folder / "own.py").write_text("raise SystemExit")
    job = run_job(opened, fetch(caller, "team/small"), Hub(None))
    version = version_of(opened.engine, caller, job)
    assert version.artifact is not None
    kept = {path.name for path in opened.artifacts.path(version.artifact).rglob("*") if path.is_file()}
    assert {"model.safetensors", "modules.json", CARD} <= kept
    assert not {"pytorch_model.bin", "own.py"} & kept
    assert str(models_dir(opened)) not in (opened.artifacts.path(version.artifact) / CARD).read_text()
    assert fetch(caller, "team/small").json()["code"] == "model-name-taken"
    reranker = caller.post("/v1/models/import", {"name": "r", "source": "team/small", "kind": "reranker"})
    assert code_of(run_job(opened, reranker, Hub(None))) in {"model-unusable", "no-reranker"}


@pytest.mark.parametrize(
    "source", ["../secrets", "a/../../secrets", "a/./b", ".hidden", "/etc", "a//b", "a/b/c/d/e", "a/", "~"]
)
def test_no_name_leads_out_of_the_opened_folder(caller: OrganizationClient, source: str) -> None:
    answer = fetch(caller, source)
    assert (answer.status_code, "etc" in answer.text) == (422, False)


def test_without_an_opened_folder_no_file_of_this_machine_is_read(organization: OrganizationClient) -> None:
    answer = fetch(organization, "shared/engines")
    assert (answer.status_code, answer.json()["code"]) == (422, "folders-closed")
    assert "OUTLAY_MODELS_DIR" in answer.json()["detail"]


def test_a_folder_that_could_run_code_or_lead_out_is_refused(
    opened: Resources, caller: OrganizationClient, small_model: Path, tmp_path: Path
) -> None:
    folders = {name: models_dir(opened) / name for name in ("pickled", "own", "linked", "broken")}
    for folder in folders.values():
        shutil.copytree(small_model, folder)
    (folders["pickled"] / "model.safetensors").rename(folders["pickled"] / "pytorch_model.bin")
    (folders["own"] / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "", "type": "own.Module"}]'
    )
    (tmp_path / "secret.json").write_text("{}")
    (folders["linked"] / "secret.json").symlink_to(tmp_path / "secret.json")
    (folders["broken"] / "model.safetensors").write_bytes(b"no weights")
    codes = {name: code_of(run_job(opened, fetch(caller, name), Hub(None))) for name in folders}
    assert codes == {
        "pickled": "unsafe-model",
        "own": "unsafe-model",
        "linked": "unsafe-model",
        "broken": "model-unusable",
    }
    assert code_of(run_job(opened, fetch(caller, "absent"), Hub(None))) == "unknown-model"


@pytest.mark.parametrize(
    "fields",
    [
        {"revision": "main"},
        {"revision": "ABCDEF" * 6 + "0000"},
        {"source": "bert", "revision": COMMIT},
        {"source": "a..b/c", "revision": COMMIT},
        {"kind": "base"},
        {"token": "x"},
    ],
    ids=repr,
)
def test_an_import_that_makes_no_sense_is_a_422(caller: OrganizationClient, fields: dict[str, Any]) -> None:
    assert fetch(caller, **{"source": REPOSITORY, **fields}).status_code == 422
