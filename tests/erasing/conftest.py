"""Two organisations side by side: one to be removed, one that must not notice."""

import pytest
from starlette.testclient import TestClient

from shared.resources import Resources
from tests.erasing.household import furnish
from tests.factories import OrganizationClient


@pytest.fixture
def leaving(client: TestClient, resources: Resources) -> OrganizationClient:
    return furnish(client, resources)


@pytest.fixture
def staying(client: TestClient, resources: Resources) -> OrganizationClient:
    return furnish(client, resources)
