"""A broker of the tests' own."""

import base64
import json
import subprocess
from pathlib import Path

import redis

from cli.ports import HOST, free_port
from cli.servers import _valkey_binary


class Valkey:
    """A broker that can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.url = f"redis://{HOST}:{self._port}/0"
        self.start()

    def start(self) -> None:
        options = {"port": str(self._port), "bind": HOST, "save": "", "dir": str(self._folder)}
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [str(_valkey_binary()), *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        assert any("Ready to accept connections" in line for line in self._process.stdout)

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def job_ids(self, queue: str) -> list[str]:
        """Ids in the queue's messages, the first one to be taken first."""
        job_ids = []
        with redis.Redis.from_url(self.url) as client:
            for step in ("", "\x06\x163", "\x06\x166", "\x06\x169"):
                for message in reversed(client.lrange(queue + step, 0, -1)):
                    body = json.loads(message)["body"]
                    [[job_id], *_] = json.loads(base64.b64decode(body))
                    job_ids.append(job_id)
        return job_ids

    def wipe(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
