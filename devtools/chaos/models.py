"""Two models: switched under load, and an index that is wiped while it serves."""

import itertools
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from devtools.chaos.load import Load, Seen, outcomes, unsound
from devtools.chaos.material import Tenant, activate_base, questions, tenant
from devtools.chaos.scenario import Options, ScenarioResult, checks
from devtools.chaos.stack import Stack
from shared import tables  # noqa: F401  # a foreign key finds its table only where every table is known
from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categorization.points import Entry, entry_point_id
from shared.engines.artifacts import Artifacts
from shared.engines.edge import EdgeIndex
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import Serving, get_active
from shared.registry.tables import ModelVersion
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store

LABELLED = 60
CLIENTS = 3
NOISE = 0.3  # of each weight's own spread: far enough from the base model that no answer is alike
TOLERANCE = 1e-3
# Unlike any stored row: a text that is stored finds itself, with a score of 1, whatever the model.
ASKED = [
    {"transaction": {"merchant_name": merchant, "memo": memo}, "top_k": 5}
    for merchant, memo in (
        ("Blue Bottle", "coffee with a candidate"),
        ("Motel One", "two beds near the fair"),
        ("JetBrains", "renewal for the backend people"),
        ("Deutsche Bahn", "to the customer and back"),
        ("Ryanair", "seat and a bag"),
        ("Staples", "paper and pens"),
    )
]
Answer = dict[str, float]  # score by category, best first


def switches(options: Options) -> ScenarioResult:
    """Activations of two model versions in turn, under load."""
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), settings={"rate_limit": ""}) as stack,
    ):
        return run_switches(stack, options.switches)


def run_switches(stack: Stack, count: int) -> ScenarioResult:
    """The same on a stack with `worker` running."""
    owner = tenant(stack, rows=LABELLED)
    with stack.client(owner.key) as http:
        versions = [activate_base(stack, http), second_model(stack, owner)]
        known = {versions[0]: [_answer(http, question) for question in ASKED]}
        _activate(stack, http, versions[1])
        known[versions[1]] = [_answer(http, question) for question in ASKED]
        apart = sum(not _alike(*pair) for pair in zip(*known.values(), strict=True))
        mixed: list[str] = []

        def ask(turn: "itertools.cycle[int]") -> Callable[[], httpx.Response]:
            def once() -> httpx.Response:
                number = next(turn)
                answer = http.post("/categorize", json=ASKED[number])
                if answer.status_code == 200 and not _alike(*_pair(answer.json(), known, number)):
                    mixed.append(answer.text)
                return answer

            return once

        began = time.monotonic()
        askers = [("/categorize", ask(itertools.cycle(range(len(ASKED)))), 0.0) for _ in range(CLIENTS)]
        with Load(askers) as load:
            done = sum(_activate(stack, http, versions[number % 2]) for number in range(count))
        seconds = time.monotonic() - began
    bad = unsound(load.seen)
    figures = {
        "answers": outcomes(load.seen),
        "answers that mix two models": len(mixed),
        "questions whose two answers differ": f"{apart} of {len(ASKED)}",
        "never": bad,
    }
    held = done if apart == len(ASKED) and not bad and not mixed else 0
    promise = f"{count} switches under load: no 5xx, no answer mixing two models"
    return ScenarioResult(promise, count, held, round(seconds, 1), figures)


def second_model(stack: Stack, owner: Tenant) -> str:
    """A model version whose weights are the base model's with noise: its id, far sooner than a training."""
    import torch
    from sentence_transformers import SentenceTransformer

    from shared.engines.encoder import resolve_model

    with transaction(stack.engine) as session:
        base = registry.get_base(session, uuid.UUID(owner.id))
    model = SentenceTransformer(str(resolve_model(base.base_model, None).path), device="cpu")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                spread = weights.std() * NOISE
                weights.add_(torch.randn(weights.shape, generator=generator) * spread)
    folder = stack.folder / "noisy"
    model.save(str(folder), safe_serialization=True, create_model_card=False)
    version_id = uuid.uuid4()
    artifact = f"models/{version_id}-1"
    fingerprint = Artifacts(stack.artifacts).save(artifact, folder)
    shutil.rmtree(folder)
    with transaction(stack.engine) as session:
        version = ModelVersion(
            id=version_id,
            organization_id=uuid.UUID(owner.id),
            name="noisy",
            kind="fine_tuned",
            base_model=base.base_model,
            fingerprint=fingerprint,
            artifact=artifact,
            parameters={},
            metrics={},
        )
        return str(model_store.add(session, version).id)


def _activate(stack: Stack, http: httpx.Client, version: str) -> bool:
    job = http.post(f"/v1/models/{version}/activate").raise_for_status().json()
    return bool(stack.ended(job["id"]).status == "succeeded")


def _answer(http: httpx.Client, question: dict[str, Any]) -> Answer:
    return _scores(http.post("/categorize", json=question, timeout=60).raise_for_status().json())


def _scores(answer: dict[str, Any]) -> Answer:
    return {suggestion["category"]["id"]: suggestion["score"] for suggestion in answer["suggestions"]}


def _pair(answer: dict[str, Any], known: dict[str, list[Answer]], number: int) -> tuple[Answer, Answer]:
    """What came, and what the model that it names is known to say."""
    return _scores(answer), known[answer["model_version_id"]][number]


def _alike(answer: Answer, other: Answer) -> bool:
    """The same categories in the same order; a vector's last bits depend on what shares its batch."""
    if list(answer) != list(other):
        return False
    return all(abs(score - other[category]) <= TOLERANCE for category, score in answer.items())


def wiped(_: Options) -> ScenarioResult:
    """The index dropped while it serves, and made anew from Postgres."""
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), settings={"rate_limit": ""}) as stack,
    ):
        return run_wiped(stack)


def run_wiped(stack: Stack) -> ScenarioResult:
    """The same on a stack with `worker` running."""
    owner = tenant(stack, rows=300)
    next_question = itertools.cycle(questions(20))
    index = EdgeIndex(*stack.edge)
    with stack.client(owner.key) as http:
        activate_base(stack, http)
        http.post("/categorize", json=next(next_question), timeout=60).raise_for_status()
        with transaction(stack.engine) as session:
            serving = get_active(session, uuid.UUID(owner.id))
        before = dict(index.digests(serving.collection, serving.organization_id))
        with Load(
            [("/categorize", lambda: http.post("/categorize", json=next(next_question)), 0.02)]
        ) as load:
            began = time.monotonic()
            index.drop_collection(serving.collection)
            time.sleep(1)
            job = http.post("/v1/reindex", json={}).raise_for_status().json()
            ended = stack.ended(job["id"])
            seconds = time.monotonic() - began
    after, wanted = dict(index.digests(serving.collection, serving.organization_id)), truth(stack, serving)
    index.close()
    last: Seen = load.seen[-1]
    tried, held, broken = checks(
        reindexed=ended.status == "succeeded",
        same_as_before=after == before,
        same_as_postgres=after == wanted,
        no_bad_answer=not unsound(load.seen),
        answers_again=last.status == 200,
    )
    figures = {"points": len(after), "wanted": len(wanted), "answers": outcomes(load.seen), "broken": broken}
    promise = "the collection dropped while it serves, reconciled: the same ids on both sides"
    return ScenarioResult(promise, tried, held, round(seconds, 1), figures)


def truth(stack: Stack, serving: Serving) -> dict[uuid.UUID, str]:
    """Digest by point id of what the index should hold, from the rows alone."""
    organization_id = serving.organization_id
    with transaction(stack.engine) as session:
        chart = category_store.all_live(session, organization_id)
        labelled = transaction_store.labelled(session, organization_id, after=None, limit=100_000)
        entries = [Entry("category", row.id, row.id, categories.text_of(row)) for row in chart]
        entries += [
            Entry("transaction", row.id, category_id, transactions.text_of(row))
            for row, category_id in labelled
        ]
    return {entry_point_id(serving.fingerprint, entry): entry.digest for entry in entries}
