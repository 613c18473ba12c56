"""A caller that sends strings which occur nowhere else, to every route and in every place of a request."""

import itertools
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi.routing import iter_route_contexts

from api.main import create_app
from devtools.waiting import eventually

# Strings of an example that are not free text: a rule says which there are.
RULED = (
    "amount",
    "currency",
    "merchant_category_code",
    "occurred_on",
    "loss",
    "category_text",
    "negatives",
    "order",
    "kind",
    "revision",
    "split",
    "scopes",
    "expires_at",
)
NO_DATA = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})

_numbers = itertools.count(1)


@dataclass
class Canaries:
    """Strings to look for, by what they stand for."""

    values: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        """The canary of this name, the same each time."""
        return self.values.setdefault(name, f"canary-{name.replace('_', '-')}-{secrets.token_hex(6)}")

    def fill(self, value: Any, name: str = "body") -> Any:
        """An example with a canary in the place of every free text."""
        if isinstance(value, dict):
            return {key: self.fill(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, name) for item in value]
        if not isinstance(value, str) or name in RULED or name.endswith("_id"):
            return value
        return f"{self.new(name)}-{next(_numbers)}"


@dataclass(frozen=True)
class Route:
    """One method of one path, and a body that fits it, where it takes one."""

    method: str
    path: str
    example: Any = None

    @property
    def is_upload(self) -> bool:
        return self.path == "/v1/imports"


def all_routes() -> list[Route]:
    """From the application itself, so that a new route is there as soon as it is written."""
    app = create_app()
    schema = app.openapi()
    routes = []
    for route in iter_route_contexts(app.routes):
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            assert route.path is not None
            operation = schema["paths"].get(route.path, {}).get(method.lower(), {})
            routes.append(Route(method, route.path, _example(schema, operation)))
    return routes


def _example(schema: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    name = content["schema"]["$ref"].rpartition("/")[2]
    examples = schema["components"]["schemas"][name].get("examples")
    assert examples, f"{name} has no example to put canaries in"
    return examples[0]


class Caller:
    """Sends canaries to a running API."""

    def __init__(self, url: str, canaries: Canaries, root_key: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        self._canaries = canaries
        self._root_key = root_key
        self.ids: dict[str, str] = {}
        organization = self.send(
            Route("POST", "/v1/organizations"), json={"name": canaries.new("organization")}
        ).json()
        self.key = organization["api_key"]["key"]
        self.organization_id = organization["id"]
        canaries.values["key"] = self.key
        canaries.values["secret of the key"] = self.key.split("_", 2)[2]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self, route: Route, *, key: str | None = None, given: str = "", **options: Any
    ) -> httpx.Response:
        """One request; `given` stands for each path parameter whose row is not known."""
        path = route.path
        while "{" in path:
            head, _, rest = path.partition("{")
            name, _, tail = rest.partition("}")
            path = head + (given or self.ids.get(name, str(uuid.uuid4()))) + tail
        key = key or (self._root_key if route.path == "/v1/organizations" else self.key)
        new = self._canaries.new
        headers = {
            "Authorization": f"Bearer {key}",
            "User-Agent": new("agent"),
            "Referer": new("referer"),
            "Cookie": f"session={new('cookie')}",
            "X-Anything": new("header"),
            "Idempotency-Key": f"{new('idempotency')}-{next(_numbers)}",
            **options.pop("headers", {}),
        }
        return self._http.request(route.method, path, headers=headers, **options)

    def send_well(self, route: Route) -> httpx.Response:
        """What the route is made for."""
        if route.is_upload:
            return self.upload(f"merchant,note\n{self._canaries.new('file')},{self._canaries.new('file')}\n")
        body = self._canaries.fill(route.example)
        if isinstance(body, dict) and "category_id" in body:
            body["category_id"] = self.ids.get("category_id", str(uuid.uuid4()))
        return self.send(route, json=body) if body is not None else self.send(route)

    def upload(self, content: str, **form: str) -> httpx.Response:
        """An import of a CSV file."""
        mapping = {"merchant_name": "merchant", "memo": "note"}
        return self.send(
            Route("POST", "/v1/imports"),
            data={"format": "csv", "mapping": json.dumps(mapping)} | form,
            files={"file": (f"{self._canaries.new('filename')}.csv", content)},
        )

    def send_badly(self, route: Route) -> None:
        """All that is wrong in one way or another."""
        new = self._canaries.new
        self.send(route, key=f"ol_{uuid.uuid4().hex}_{new('bearer')}")
        self.send(route, headers={"Authorization": new("authorization")})
        self.send(route, given=new("segment"))
        query = {name: new("query") for name in ("q", "limit", "cursor", "status", "kind", new("parameter"))}
        self.send(route, params=query)
        if route.path in NO_DATA:
            return
        body = new("bad_body")
        contents: list[tuple[str, bytes]] = [
            ("application/json", f'{{"{body}": '.encode()),
            ("application/json", f'{{"{body}": 1, "{body}": 2}}'.encode()),
            ("application/json", f'{{"{body}": NaN}}'.encode()),
            ("application/json", f'["{body}"]'.encode()),
            ("application/json", f'"{body}'.encode() + b'\xff"'),
            (
                "application/json",
                json.dumps({name: {body: [body]} for name in route.example or [body]}).encode(),
            ),
            ("text/plain", body.encode()),
            (body, body.encode()),
            ("multipart/form-data; boundary=x", f"--x\r\nContent-Disposition: {body}\r\n\r\n{body}".encode()),
        ]
        for media_type, content in contents:
            self.send(route, content=content, headers={"Content-Type": media_type})
        if route.is_upload:
            self.upload(body, mapping=body)
            self.upload(body, format=body, defaults=body)

    def wait_for_jobs(self) -> list[dict[str, Any]]:
        """Every job, once all have ended."""
        jobs = Route("GET", "/v1/jobs")

        def ended() -> list[dict[str, Any]]:
            rows = self.send(jobs, params={"limit": 200}).json()["data"]
            return rows if all(job["finished_at"] for job in rows) else []

        return eventually(ended, within_s=120, every_s=0.2)
