"""Models are loaded before the API says that it is ready; until then only categorising is refused."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from devtools.waiting import eventually
from shared.engines.artifacts import ArtifactMissing
from shared.engines.encoder import Encoder
from shared.engines.encoder_cache import Encoders, ModelRef
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry.serving import most_used_models
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization, run_jobs

HOTEL = {"transaction": {"merchant_name": "Marriott"}}


class SlowEncoders(Encoders):
    """Encoders that are loaded when the test lets them be; `broken` cannot be."""

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources.artifacts, device="cpu", batch_size=8)
        self._inner = resources.encoders
        self.may_load = threading.Event()
        self.asked: list[ModelRef] = []
        self.is_broken = False

    def get(self, ref: ModelRef) -> Encoder:  # type: ignore[override]  # without a cache
        """The encoder, when the test says so."""
        self.asked.append(ref)
        assert self.may_load.wait(60)
        if self.is_broken:
            raise ArtifactMissing
        return self._inner.get(ref)


@pytest.fixture
def encoders(resources: Resources) -> Iterator[SlowEncoders]:
    slow = SlowEncoders(resources)
    yield slow
    slow.may_load.set()


@pytest.fixture
def start(settings: Settings, resources: Resources, encoders: SlowEncoders) -> Callable[[], TestClient]:
    """An app whose models are to be loaded first."""
    from api.main import create_app

    warming = settings.model_copy(update={"warm_up": True})
    return lambda: TestClient(create_app(resources=replace(resources, settings=warming, encoders=encoders)))


@pytest.fixture
def served(organization: OrganizationClient, resources: Resources) -> OrganizationClient:
    """An organisation whose base model is active."""
    new_category(organization, name="Travel")
    [base] = organization.get("/v1/models").json()["data"]
    organization.post(f"/v1/models/{base['id']}/activate")
    assert set(run_jobs(resources, organization)["activate"]) == {"succeeded"}
    return organization


def test_until_the_models_are_loaded_only_categorising_is_refused(
    start: Callable[[], TestClient], encoders: SlowEncoders, served: OrganizationClient
) -> None:
    with start() as client:
        try:
            eventually(lambda: encoders.asked)
            assert client.get("/livez").status_code == 200
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["models"]) == (503, False)
            assert ready.json()["checks"]["postgres"]
            for path, body in (
                ("/categorize", HOTEL),
                ("/v1/categorize/batch", {"transactions": [HOTEL["transaction"]]}),
            ):
                refused = client.post(path, json=body, headers=served.headers)
                assert (refused.status_code, refused.json()["code"]) == (503, "warming-up")
                assert int(refused.headers["retry-after"]) >= 1
            assert client.get("/v1/categories", headers=served.headers).status_code == 200
        finally:
            encoders.may_load.set()
        eventually(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/categorize", json=HOTEL, headers=served.headers).status_code == 200
    assert encoders.asked[0] == ModelRef("all-MiniLM-L6-v2")


def test_a_model_that_cannot_be_loaded_keeps_nobody_waiting(
    start: Callable[[], TestClient], encoders: SlowEncoders
) -> None:
    encoders.is_broken = True
    encoders.may_load.set()
    with start() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)


def test_an_app_that_is_stopped_while_it_loads_ends(
    start: Callable[[], TestClient], encoders: SlowEncoders
) -> None:
    with start():
        eventually(lambda: encoders.asked)
        threading.Timer(0.2, encoders.may_load.set).start()


def test_the_models_of_the_most_organisations_come_first(
    served: OrganizationClient, resources: Resources
) -> None:
    other = new_organization(served.client)
    new_category(other, name="Travel")
    [base] = other.get("/v1/models").json()["data"]
    other.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, other)
    with transaction(resources.engine) as session:
        assert most_used_models(session, 3) == [ModelRef("all-MiniLM-L6-v2")]
