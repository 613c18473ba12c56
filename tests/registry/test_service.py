"""Model versions and the switch between them."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store
from shared.registry import store as model_store
from shared.registry.service import NothingToRollBackTo, SwitchedMeanwhile
from shared.registry.serving import NoActiveModel, find_active, get_active, serving_of
from shared.registry.tables import ModelVersion
from tests.factories import OrganizationClient, new_organization


def add(engine: Engine, organization: OrganizationClient, name: str) -> uuid.UUID:
    with transaction(engine) as session:
        version = ModelVersion(
            organization_id=organization.id,
            name=name,
            kind="fine_tuned",
            base_model="all-MiniLM-L6-v2",
            fingerprint=uuid.uuid4().hex * 2,
            parameters={},
            metrics={},
        )
        return model_store.add(session, version).id


def switch(engine: Engine, organization: OrganizationClient, version: uuid.UUID, counter: int) -> int:
    with transaction(engine) as session:
        return registry.activate(session, organization.id, version, counter)


def active(engine: Engine, organization: OrganizationClient) -> tuple[uuid.UUID, int] | None:
    with transaction(engine) as session:
        active = find_active(session, organization.id)
    return (active.version_id, active.counter) if active else None


def test_a_new_organization_has_the_base_model_and_nothing_active(
    organization: OrganizationClient, engine: Engine
) -> None:
    with transaction(engine) as session:
        base = registry.get_base(session, organization.id)
        assert model_store.list_(session, organization.id, Paging()).rows == [base]
        assert registry.has_name(session, organization.id, "base")
        with pytest.raises(NoActiveModel):
            get_active(session, organization.id)
    assert (base.name, base.kind, base.artifact) == ("base", "base", None)


def test_a_switch_with_an_old_counter_changes_nothing(
    organization: OrganizationClient, engine: Engine
) -> None:
    first, two = (add(engine, organization, name) for name in ("one", "two"))
    assert switch(engine, organization, first, 0) == 1
    assert switch(engine, organization, two, 1) == 2
    for counter in (0, 1, 3):
        with pytest.raises(SwitchedMeanwhile):
            switch(engine, organization, first, counter)
        assert active(engine, organization) == (two, 2)
    with transaction(engine) as session:
        history = store.activations(session, organization.id)
    assert [(row.model_version_id, row.counter) for row in history] == [(two, 2), (first, 1)]


def test_rollback_names_the_last_other_model(organization: OrganizationClient, engine: Engine) -> None:
    first, two = (add(engine, organization, name) for name in ("one", "two"))
    switch(engine, organization, first, 0)
    with transaction(engine) as session, pytest.raises(NothingToRollBackTo):
        registry.submit_rollback(session, organization.id)
    switch(engine, organization, two, 1)
    switch(engine, organization, two, 2)
    with transaction(engine) as session:
        params = registry.submit_rollback(session, organization.id).params
    assert params == {"model_version_id": str(first), "counter": 3}


def test_versions_with_different_weights_never_share_a_collection(
    organization: OrganizationClient, engine: Engine
) -> None:
    with transaction(engine) as session:
        base = serving_of(registry.get_base(session, organization.id))
    other = new_organization(organization.client)
    with transaction(engine) as session:
        theirs = serving_of(registry.get_base(session, other.id))
        tuned = serving_of(model_store.get(session, other.id, add(engine, other, "one")))
    assert base.collection == theirs.collection
    assert tuned.collection != base.collection


def test_a_foreign_model_is_not_found(organization: OrganizationClient, engine: Engine) -> None:
    foreign = add(engine, new_organization(organization.client), "theirs")
    with transaction(engine) as session, pytest.raises(model_store.ModelNotFound):
        registry.submit_activation(session, organization.id, foreign)
    with transaction(engine) as session, pytest.raises(model_store.ModelNotFound):
        model_store.get(session, organization.id, foreign)


def test_of_first_activations_at_once_one_wins_and_the_others_are_told(
    organization: OrganizationClient, engine: Engine
) -> None:
    versions = [add(engine, organization, f"version {number}") for number in range(4)]
    together = threading.Barrier(len(versions))

    def first(version: uuid.UUID) -> bool:
        together.wait()
        try:
            return switch(engine, organization, version, 0) == 1
        except SwitchedMeanwhile:
            return False

    with ThreadPoolExecutor(len(versions)) as threads:
        won = list(threads.map(first, versions))
    assert won.count(True) == 1
    assert active(engine, organization) == (versions[won.index(True)], 1)
