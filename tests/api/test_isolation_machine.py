"""Three organisations that do what they like in turn: after each step nobody sees anything of anybody else.

`OUTLAY_MACHINE_EXAMPLES` and `OUTLAY_MACHINE_STEPS` make the run longer.
"""

import os
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from starlette.testclient import TestClient

from shared.engines.vectors import PointKind, Search, point_id
from shared.kit.unit_of_work import transaction
from shared.registry.serving import get_active
from shared.resources import Resources
from tests.factories import OrganizationClient, new_organization, run_jobs

EXAMPLES = int(os.environ.get("OUTLAY_MACHINE_EXAMPLES", "3"))
STEPS = int(os.environ.get("OUTLAY_MACHINE_STEPS", "20"))

# All three draw from the same few words, so that what they have looks alike and only its owner differs.
MERCHANTS = ("Marriott", "Lufthansa", "GitHub")
WHO = st.integers(0, 2)
PICK = st.integers(0, 100)


@dataclass
class Owner:
    """An organisation and what it should have."""

    client: OrganizationClient
    live: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    labels: dict[str, str | None] = field(default_factory=dict)  # transaction -> category
    categories_created: int = 0

    @property
    def points(self) -> set[tuple[PointKind, str]]:
        """What the index should hold: live categories, and what is labelled with one."""
        labelled = {row for row, category in self.labels.items() if category in self.live}
        return {("category", row) for row in self.live} | {("transaction", row) for row in labelled}


class Machine(RuleBasedStateMachine):
    """Every step is one request, followed by the jobs that it made."""

    client: TestClient
    resources: Resources
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.owners = [Owner(new_organization(self.client)) for _ in range(3)]
        for owner in self.owners:
            [base] = owner.client.get("/v1/models").json()["data"]
            assert owner.client.post(f"/v1/models/{base['id']}/activate").status_code == 202
            run_jobs(self.resources, owner.client)
        with transaction(self.resources.engine) as session:
            self.serving = get_active(session, self.owners[0].client.id)

    def _ask(self, owner: Owner, status: int, method: str, path: str, body: Any = None) -> Any:
        type(self).steps += 1
        answer = owner.client.call(method, path, body)
        assert answer.status_code == status, answer.text
        run_jobs(self.resources, owner.client)
        return answer.json() if answer.content else None

    @rule(who=WHO)
    def create_category(self, who: int) -> None:
        owner = self.owners[who]
        owner.categories_created += 1
        created = self._ask(
            owner, 201, "POST", "/v1/categories", {"name": f"Travel {owner.categories_created}"}
        )
        owner.live.append(created["id"])

    @rule(who=WHO, pick=PICK)
    def patch_category(self, who: int, pick: int) -> None:
        owner = self.owners[who]
        if owner.live:
            path = f"/v1/categories/{owner.live[pick % len(owner.live)]}"
            self._ask(owner, 200, "PATCH", path, {"description": f"Changed {pick}"})

    @rule(who=WHO, pick=PICK)
    def archive_category(self, who: int, pick: int) -> None:
        owner = self.owners[who]
        if owner.live:
            category = owner.live.pop(pick % len(owner.live))
            owner.archived.append(category)
            self._ask(owner, 204, "DELETE", f"/v1/categories/{category}")

    @rule(who=WHO, merchant=st.sampled_from(MERCHANTS))
    def create_transaction(self, who: int, merchant: str) -> None:
        owner = self.owners[who]
        created = self._ask(owner, 201, "POST", "/v1/transactions", {"merchant_name": merchant})
        owner.labels[created["id"]] = None

    @rule(who=WHO, count=st.integers(1, 3))
    def upsert_by_the_same_external_ids(self, who: int, count: int) -> None:
        owner = self.owners[who]
        rows = [{"merchant_name": name, "external_id": name} for name in MERCHANTS[:count]]
        batch = self._ask(owner, 200, "POST", "/v1/transactions/batch", {"transactions": rows})
        for item in batch["results"]:
            owner.labels.setdefault(item["id"], None)

    @rule(who=WHO, row=PICK, pick=PICK)
    def label(self, who: int, row: int, pick: int) -> None:
        owner = self.owners[who]
        if owner.labels and owner.live:
            labelled = list(owner.labels)[row % len(owner.labels)]
            category = owner.live[pick % len(owner.live)]
            path = f"/v1/transactions/{labelled}/label"
            self._ask(owner, 200, "PUT", path, {"category_id": category})
            owner.labels[labelled] = category

    @rule(who=WHO, pick=PICK)
    def delete_transaction(self, who: int, pick: int) -> None:
        owner = self.owners[who]
        if owner.labels:
            row = list(owner.labels)[pick % len(owner.labels)]
            del owner.labels[row]
            self._ask(owner, 204, "DELETE", f"/v1/transactions/{row}")

    @rule(who=WHO, other=WHO, pick=PICK)
    def reach_for_what_is_not_theirs(self, who: int, other: int, pick: int) -> None:
        owner, foreign = self.owners[who], self.owners[other]
        if who == other:
            return
        if foreign.labels:
            row = list(foreign.labels)[pick % len(foreign.labels)]
            self._ask(owner, 404, "DELETE", f"/v1/transactions/{row}")
            self._ask(owner, 404, "POST", "/v1/categorize", {"transaction_id": row})
        if foreign.live:
            category = foreign.live[pick % len(foreign.live)]
            self._ask(owner, 404, "PATCH", f"/v1/categories/{category}", {"name": "Taken over"})
            self._ask(owner, 404, "DELETE", f"/v1/categories/{category}")
            if owner.labels:
                path = f"/v1/transactions/{next(iter(owner.labels))}/label"
                self._ask(owner, 422, "PUT", path, {"category_id": category})

    @rule(who=WHO, merchant=st.sampled_from(MERCHANTS))
    def categorize(self, who: int, merchant: str) -> None:
        owner = self.owners[who]
        body = {"transaction": {"merchant_name": merchant}, "top_k": 50}
        suggestions = self._ask(owner, 200, "POST", "/v1/categorize", body)["suggestions"]
        assert {suggestion["category"]["id"] for suggestion in suggestions} <= set(owner.live)
        evidence = {said["transaction_id"] for suggestion in suggestions for said in suggestion["evidence"]}
        assert evidence <= set(owner.labels)

    @invariant()
    def lists_hold_what_they_have(self) -> None:
        for owner in self.owners:
            categories = owner.client.get("/v1/categories?with_archived=true&limit=200").json()["data"]
            assert {row["id"] for row in categories} == {*owner.live, *owner.archived}
            rows = owner.client.get("/v1/transactions?limit=200").json()["data"]
            label = {row["id"]: row["label"] and row["label"]["category_id"] for row in rows}
            assert label == owner.labels

    @invariant()
    def the_index_holds_what_they_have(self) -> None:
        index, name = self.resources.index, self.serving.collection
        vector = np.ones(self._size(), dtype=np.float32)
        kinds: tuple[PointKind, ...] = ("category", "transaction")
        for owner in self.owners:
            expected = {
                point_id(self.serving.fingerprint, kind, uuid.UUID(row)) for kind, row in owner.points
            }
            assert {written_id for written_id, _ in index.digests(name, owner.client.id)} == expected
            assert index.count(name, owner.client.id) == len(expected)
            searches = [Search(owner.client.id, kind, vector, 200) for kind in kinds]
            points = {
                (kind, str(hit.row_id))
                for kind, hits in zip(kinds, index.search(name, searches), strict=True)
                for hit in hits
            }
            assert points == owner.points

    def _size(self) -> int:
        return self.resources.encoders.get(self.serving.model).dimension


@pytest.mark.slow
def test_three_organizations_never_meet(client: TestClient, resources: Resources) -> None:
    class Bound(Machine):
        pass

    Bound.client, Bound.resources = client, resources
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"state machine: {Bound.steps} requests, {EXAMPLES} times {STEPS} steps")
    assert Bound.steps >= EXAMPLES * STEPS // 3
