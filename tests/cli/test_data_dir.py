"""The data folder and the ports."""

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.data_dir import SOCKET_PATH_LIMIT, DataFolder
from cli.errors import FolderInUse, PortBusy
from cli.ports import HOST, choose_port, free_port, is_free

HOLDER = """
import pathlib, sys
from cli.data_dir import DataFolder
folder = DataFolder(pathlib.Path(sys.argv[1]))
folder.hold()
folder.note(url="http://127.0.0.1:8123")
print(folder.runtime, flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        runtime = Path(holder.stdout.readline().strip())
        with pytest.raises(FolderInUse) as caught:
            DataFolder(tmp_path).hold()
        assert str(holder.pid) in str(caught.value)
        assert "http://127.0.0.1:8123" in str(caught.value)
        holder.kill()
    assert runtime.is_dir()
    folder = DataFolder(tmp_path)
    folder.hold()  # a killed holder holds nothing, and its sockets' folder goes
    assert not runtime.exists()
    folder.release()


def test_folder_and_what_is_in_it_are_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.path.mkdir(mode=0o755)
    folder.hold()
    folder.secret("root.key")
    assert [mode(path) for path in (folder.path, folder.runtime)] == [0o700, 0o700]
    assert {mode(path) for path in folder.path.iterdir()} == {0o600}
    runtime = folder.runtime
    folder.release()
    assert not runtime.exists()
    assert folder.state() == {"pid": None, "runtime": None, "url": None}


def test_sockets_have_short_paths_whatever_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    folder = DataFolder(deep)
    folder.hold()
    assert len(str(folder.runtime / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT
    folder.release()
    assert {path.name for path in deep.iterdir()} == {"lock", "state.json"}


def test_secret_is_kept_and_differs_between_names(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first = folder.secret("root.key")
    assert len(first) >= 43
    assert folder.secret("root.key") == first
    assert folder.secret("other.key") != first


def test_port_zero_is_any_and_none_is_the_default_or_the_next() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        chosen = choose_port(None, default=port)
        assert port < chosen < port + 100
        assert choose_port(0) != port
        with pytest.raises(PortBusy, match=f"Port {port} is in use"):
            choose_port(port)


def test_wanted_free_port_is_taken() -> None:
    port = free_port()
    assert choose_port(port) == port
