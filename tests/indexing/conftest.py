"""Organisations that are served, on each kind of index."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.engines.qdrant import QdrantIndex
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category
from tests.indexing.checks import activate, held, labelled


@pytest.fixture(params=["edge", "memory"])
def machines(request: pytest.FixtureRequest, resources: Resources) -> Iterator[Resources]:
    """The resources on Qdrant Edge, and on Qdrant's own client without a server."""
    if request.param == "edge":
        yield resources
        return
    from qdrant_client import QdrantClient

    index = QdrantIndex(QdrantClient(":memory:"))
    yield replace(resources, index=index)
    index.close()


@pytest.fixture
def served(organization: OrganizationClient, machines: Resources) -> OrganizationClient:
    """An organisation with two categories, two labelled transactions and an active model."""
    for name in ("Lodging", "Software"):
        category = new_category(organization, name=name)
        labelled(organization, category["id"], merchant_name=f"{name} Inc")
    activate(organization, machines)
    assert len(held(machines, organization)) == 4
    return organization
