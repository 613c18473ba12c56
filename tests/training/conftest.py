"""What a trainer needs."""

import os
import uuid
from pathlib import Path

import pytest

from shared.bootstrap import Resources
from shared.kit.settings import Settings
from tests.factories import OrganizationClient
from tests.training.trainings import WORDS, freeze, label_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trainer's process reads its settings from."""
    assert settings.edge_authkey is not None
    values = {
        "DATABASE_URL": settings.database_url,
        "EDGE_SOCKET": str(settings.edge_socket),
        "EDGE_AUTHKEY": settings.edge_authkey.get_secret_value(),
        "ARTIFACTS_DIR": str(settings.artifacts_dir),
        "DEVICE": "cpu",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"OUTLAY_{name}", value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def dataset_id(organization: OrganizationClient, resources: Resources) -> uuid.UUID:
    """Nine rows to learn from and three to watch."""
    label_rows(organization, WORDS)
    return freeze(organization, resources)
