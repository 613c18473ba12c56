"""The client of a sidecar that dies, hangs, restarts and serves many at once."""

import os
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from shared.engines.edge import EdgeIndex
from shared.engines.vectors import (
    CollectionMissing,
    IndexUnavailable,
    Point,
    Search,
    point_id,
)
from tests.engines.conftest import Connect, NewSidecar, Sidecar

pytestmark = pytest.mark.slow  # drives a process, and kills it

SIZE = 16
US = uuid.uuid4()


def some_points(count: int, *, seed: int = 0, organization: uuid.UUID = US, digest: str = "") -> list[Point]:
    vectors = np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)
    points = []
    for i, vector in enumerate(vectors):
        row = uuid.UUID(int=seed << 64 | i)
        points.append(
            Point(
                point_id("model", "transaction", row), organization, "transaction", row, row, vector, digest
            )
        )
    return points


def renewed(points: list[Point], serial: int) -> list[Point]:
    """The same points with vectors and a digest that tell which write they come from."""
    vectors = np.random.default_rng(serial).normal(size=(len(points), SIZE)).astype(np.float32)
    return [replace(p, vector=vector, digest=str(serial)) for p, vector in zip(points, vectors, strict=True)]


def finds(index: EdgeIndex, points: list[Point]) -> bool:
    """Whether each point is the nearest to its own vector."""
    answers = index.search("c", [Search(US, "transaction", point.vector, 1) for point in points])
    return all(
        hits[0].row_id == point.row_id and hits[0].score > 0.99999
        for hits, point in zip(answers, points, strict=True)
    )


def test_points_survive_kill_9(sidecar: Sidecar, connect: Connect) -> None:
    index = connect(sidecar)
    index.ensure_collection("c", SIZE)
    old, new = some_points(3000, digest="old"), some_points(1000, digest="new")
    index.upsert("c", old)
    index.upsert("c", new)
    index.delete("c", [point.id for point in old[2900:]])
    sidecar.end(signal.SIGKILL)
    sidecar.start()
    expected = {point.id: point.digest for point in new} | {
        point.id: point.digest for point in old[1000:2900]
    }
    assert dict(index.digests("c", US)) == expected
    assert finds(index, old[:2900])


def test_every_acknowledged_write_survives_repeated_kills_in_the_middle_of_writing(
    sidecar: Sidecar, connect: Connect
) -> None:
    """Each round writes the same points anew until the process is killed under it."""
    index = connect(sidecar)
    index.ensure_collection("c", SIZE)
    points = some_points(40)
    acknowledged = -1
    for generation in range(4):
        wrote = threading.Event()

        def write(generation: int = generation, wrote: threading.Event = wrote) -> int:
            last = -1
            for number in range(10**6):
                serial = generation * 10**6 + number
                try:
                    index.upsert("c", renewed(points, serial))
                except IndexUnavailable:
                    break
                last = serial
                if number == 5:
                    wrote.set()
            return last

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            assert wrote.wait(60)
            sidecar.end(signal.SIGKILL)
            acknowledged = writing.result()
        sidecar.start()
        digests = dict(index.digests("c", US))
        assert len(digests) == len(points)
        serials = {int(digest) for digest in digests.values()}
        # The write that was under way when the process died may be there or not, but whole.
        assert len(serials) == 1
        [serial] = serials
        assert acknowledged <= serial <= acknowledged + 1
        assert finds(index, renewed(points, serial))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_all_is_there_again(
    sidecar: Sidecar, connect: Connect, number: signal.Signals
) -> None:
    index = connect(sidecar)
    index.ensure_collection("c", SIZE)
    points = some_points(200)
    index.upsert("c", points)
    status, _ = sidecar.end(number)
    assert status == 0
    assert not sidecar.socket.exists()
    with pytest.raises(IndexUnavailable):
        index.ping()
    sidecar.start()
    index.ping()
    assert index.count("c", US) == 200
    assert finds(index, points)


def test_no_sidecar_is_said(new_sidecar: NewSidecar, connect: Connect) -> None:
    with pytest.raises(IndexUnavailable) as caught:
        connect(new_sidecar()).ping()
    assert caught.value.retry_after == 2


def test_another_key_is_refused_on_both_sides(sidecar: Sidecar, connect: Connect) -> None:
    sidecar.key = "another key"
    with pytest.raises(IndexUnavailable, match="auth key does not fit"):
        connect(sidecar).ping()


def test_a_hung_sidecar_does_not_hang_the_caller(sidecar: Sidecar, connect: Connect) -> None:
    """Neither on a kept connection, nor on a new one, nor while sending more than the socket holds."""
    patient, kept, new = connect(sidecar), connect(sidecar, timeout_s=2), connect(sidecar, timeout_s=2)
    patient.ensure_collection("c", SIZE)
    kept.ping()
    process = sidecar.processes[-1]
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(IndexUnavailable):
        kept.upsert("c", some_points(12_000))
    with pytest.raises(IndexUnavailable):
        new.ping()
    process.send_signal(signal.SIGCONT)
    patient.upsert("c", some_points(10))
    assert patient.count("c", US) >= 10


def test_threads_share_one_index(sidecar: Sidecar, connect: Connect) -> None:
    index = connect(sidecar)
    index.ensure_collection("c", SIZE)
    tenants = [uuid.uuid4() for _ in range(8)]

    def work(number: int) -> int:
        points = some_points(300, seed=number + 1, organization=tenants[number])
        for start in range(0, 300, 30):
            index.upsert("c", points[start : start + 30])
            [hits] = index.search("c", [Search(tenants[number], "transaction", points[start].vector, 1)])
            assert hits[0].row_id == points[start].row_id
        index.delete("c", [point.id for point in points[:100]])
        return index.count("c", tenants[number])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [200] * 8


def test_a_collection_dropped_under_its_users_is_missing_and_nothing_breaks(
    sidecar: Sidecar, connect: Connect
) -> None:
    index = connect(sidecar)
    points = some_points(50)
    outcomes = []

    def use(_: int) -> None:
        for _ in range(60):
            try:
                index.upsert("c", points)
                index.search("c", [Search(US, "transaction", points[0].vector, 5)])
                outcomes.append("done")
            except CollectionMissing:
                outcomes.append("missing")

    index.ensure_collection("c", SIZE)
    with ThreadPoolExecutor(3) as pool:
        users = [pool.submit(use, i) for i in range(3)]
        for _ in range(5):
            index.drop_collection("c")
            index.ensure_collection("c", SIZE)
        for user in users:
            user.result()
    assert len(outcomes) == 180
    status, errors = sidecar.end(signal.SIGTERM)
    assert (status, errors) == (0, "")


# Newer Pythons warn of threads that other tests left; the client makes none.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_makes_its_own_connections(sidecar: Sidecar, connect: Connect) -> None:
    index = connect(sidecar)
    index.ensure_collection("c", SIZE)
    them = uuid.uuid4()
    index.upsert("c", some_points(7))
    index.upsert("c", some_points(3, seed=1, organization=them))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str([index.count("c", them) for _ in range(200)]).encode())
        finally:
            os._exit(0)
    assert [index.count("c", US) for _ in range(200)] == [7] * 200
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        assert answers.read() == str([3] * 200)
