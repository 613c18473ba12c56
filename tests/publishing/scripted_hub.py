"""A hub on this machine that keeps repositories in memory and plays the public contract of the real one:
https://huggingface.co/docs/hub/api, and Git LFS's batch API with the transfer "basic".
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGE = 10_000  # bytes: a file of more goes by LFS


@dataclass
class Repository:
    """What is in it, and whether everybody may read it."""

    is_private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0

    @property
    def commit(self) -> str:
        return hashlib.sha1(str(self.commits).encode()).hexdigest()


@dataclass
class ScriptedHub:
    """What came in, and what there is; `token` opens everything."""

    token: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, authorization
    url: str = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        parts = path.partition("?")[0].strip("/").split("/")
        if method in {"GET", "HEAD"}:
            return self._read(parts)
        if parts[0] == "large":
            self.large[parts[1]] = body
            return 200, {}, b""
        content = json.loads(body) if body and parts[-2:-1] != ["commit"] and "validate" not in path else {}
        match parts:
            case ["api", "repos", "create"]:
                return self._create(content)
            case ["api", "validate-yaml"]:
                return _json({"errors": [], "warnings": []})
            case ["api", "models", _, _, "preupload", _]:
                return _json({"files": [_mode(file) for file in content["files"]]})
            case [_, _, "info", "lfs", "objects", "batch"]:
                slots = [self._slot(file) for file in content["objects"]]
                return _json({"transfer": "basic", "objects": slots})
            case ["api", "models", owner, name, "commit", _]:
                return self._commit(self.repositories[f"{owner}/{name}"], f"{owner}/{name}", body)
        return 404, {}, b""

    def _create(self, wanted: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        name = f"{wanted['organization']}/{wanted['name']}"
        status = 409 if name in self.repositories else 200
        self.repositories.setdefault(name, Repository(wanted.get("visibility") == "private"))
        return _json({"url": f"{self.url}/{name}", "name": name}, status)

    def _slot(self, wanted: dict[str, Any]) -> dict[str, Any]:
        upload = {"href": f"{self.url}/large/{wanted['oid']}", "header": {}}
        return {"oid": wanted["oid"], "size": wanted["size"], "actions": {"upload": upload}}

    def _commit(self, there: Repository, name: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                there.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                there.files[value["path"]] = self.large[value["oid"]]
        there.commits += 1
        url = f"{self.url}/{name}/commit/{there.commit}"
        return _json({"success": True, "commitOid": there.commit, "commitUrl": url})

    def _read(self, parts: list[str]) -> tuple[int, dict[str, str], bytes]:
        is_api = parts[:2] == ["api", "models"]
        owner, name, *rest = parts[2:] if is_api else parts
        there = self.repositories.get(f"{owner}/{name}")
        if there is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        if rest[:1] in (["revision"], ["resolve"]) and rest[1] != there.commit:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        if is_api:
            siblings = [{"rfilename": path, "size": len(file)} for path, file in there.files.items()]
            description = {"id": f"{owner}/{name}", "private": there.is_private, "sha": there.commit}
            return _json(description | {"siblings": siblings})
        content = there.files["/".join(rest[2:])]
        etag = hashlib.sha256(content).hexdigest()
        return 200, {"X-Repo-Commit": there.commit, "ETag": f'"{etag}"'}, content


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    mode = "lfs" if file["size"] > LARGE else "regular"
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}


def _json(content: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


@contextmanager
def serving(token: str) -> Iterator[ScriptedHub]:
    """A hub that runs until the end of the block."""
    hub = ScriptedHub(token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = self.headers.get("Authorization")
            hub.requests.append((self.command, self.path, given))
            # A slot for a large file is paid for by its own address.
            is_open = given == f"Bearer {hub.token}" or self.path.startswith("/large/")
            status, headers, content = (
                hub.answer(self.command, self.path, body) if is_open else (401, {}, b"")
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815  # the library's names

        def log_message(self, format: str, *args: Any) -> None:  # the library's name
            """Nothing: the tests read `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
