"""Artifacts: whole or absent, verified, inside their root."""

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.engines.artifacts import (
    CARD,
    MANIFEST,
    ArtifactCorrupt,
    ArtifactExists,
    ArtifactMissing,
    Artifacts,
    BadArtifactName,
    TooLarge,
)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "root")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "1_Pooling" / "config.json").write_text("{}")
    return folder


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_saved_folder_is_whole_and_verifies(artifacts: Artifacts, source: Path) -> None:
    digest = artifacts.save("models/a", source)
    artifacts.verify("models/a")
    path = artifacts.path("models/a")
    assert (path / "1_Pooling" / "config.json").read_text() == "{}"
    assert (path / MANIFEST).is_file()
    assert artifacts.digest("models/a") == digest
    assert _names(path.parent) == {"a"}


def test_equal_contents_have_equal_digests(artifacts: Artifacts, source: Path) -> None:
    first = artifacts.save("models/a", source)
    assert artifacts.save("models/b", source) == first
    (source / "model.safetensors").write_bytes(b"Weights")
    assert artifacts.save("models/c", source) != first


def test_a_card_is_checked_like_any_file_but_is_no_part_of_the_digest(
    artifacts: Artifacts, source: Path
) -> None:
    digest = artifacts.save("models/a", source)
    (source / CARD).write_text("# One day")
    assert artifacts.save("models/b", source) == digest == artifacts.digest("models/b")
    (artifacts.path("models/b") / CARD).write_text("# Another day")
    with pytest.raises(ArtifactCorrupt):
        artifacts.verify("models/b")


def test_a_name_is_written_once(artifacts: Artifacts, source: Path) -> None:
    artifacts.save("models/a", source)
    with pytest.raises(ArtifactExists):
        artifacts.save("models/a", source)
    artifacts.verify("models/a")


def test_a_name_taken_while_building_is_kept(artifacts: Artifacts, source: Path) -> None:
    def slow(folder: Path) -> None:
        (folder / "late").write_text("late")
        artifacts.save("models/a", source)

    with pytest.raises(ArtifactExists):
        artifacts.build("models/a", slow)
    artifacts.verify("models/a")
    assert _names(artifacts.path("models")) == {"a"}


def test_a_failed_build_leaves_nothing(artifacts: Artifacts) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        artifacts.build("models/a", fails)
    assert _names(artifacts.path("models")) == set()


@pytest.mark.parametrize("damage", ["change", "add", "remove", "manifest", "no manifest"])
def test_damage_is_found(artifacts: Artifacts, source: Path, damage: str) -> None:
    artifacts.save("models/a", source)
    path = artifacts.path("models/a")
    match damage:
        case "change":
            (path / "model.safetensors").write_bytes(b"weighed")
        case "add":
            (path / "more.json").write_text("{}")
        case "remove":
            (path / "model.safetensors").unlink()
        case "manifest":
            (path / MANIFEST).write_text("[")
        case _:
            (path / MANIFEST).unlink()
    with pytest.raises(ArtifactCorrupt):
        artifacts.verify("models/a")


def test_what_is_not_there_is_missing(artifacts: Artifacts) -> None:
    with pytest.raises(ArtifactMissing):
        artifacts.verify("models/a")
    with pytest.raises(ArtifactMissing):
        artifacts.digest("models/a")
    artifacts.delete("models/a")


def test_a_deleted_folder_is_gone(artifacts: Artifacts, source: Path) -> None:
    artifacts.save("models/a", source)
    artifacts.delete("models/a")
    assert _names(artifacts.path("models")) == set()


def test_a_stored_stream_is_summed(artifacts: Artifacts) -> None:
    content = b"date,merchant\n" * 200_000
    stored = artifacts.store("uploads/a.csv", io.BytesIO(content), max_bytes=len(content))
    assert (stored.name, stored.size) == ("uploads/a.csv", len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert artifacts.path("uploads/a.csv").read_bytes() == content
    with pytest.raises(ArtifactExists):
        artifacts.store("uploads/a.csv", io.BytesIO(b"other"), max_bytes=100)
    artifacts.delete("uploads/a.csv")
    assert _names(artifacts.path("uploads")) == set()


def test_a_stream_over_the_cap_is_not_kept(artifacts: Artifacts) -> None:
    with pytest.raises(TooLarge):
        artifacts.store("uploads/a.csv", io.BytesIO(b"12345"), max_bytes=4)
    assert _names(artifacts.path("uploads")) == set()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "..",
        "models/../../x",
        "models//a",
        "a/b/c/d/e",
        ".hidden",
        "a\x00",
        "a\nb",
        "a\\b",
        "a/",
    ],
)
def test_names_that_lead_elsewhere_are_refused(artifacts: Artifacts, name: str) -> None:
    with pytest.raises(BadArtifactName):
        artifacts.path(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # path() changes nothing
@given(st.text(alphabet="ab./\\-_ \x00é~", max_size=12))
def test_a_path_is_refused_or_below_the_root(artifacts: Artifacts, name: str) -> None:
    try:
        path = artifacts.path(name)
    except BadArtifactName:
        return
    assert artifacts.root.resolve() in path.resolve().parents
