"""What the scenarios work on: an organisation with a chart and labelled rows, through the API."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from devtools.chaos.stack import Stack

CATEGORIES = {
    "Lodging": "Marriott Hilton hotel, nights, stay",
    "Software": "GitHub Figma licence, subscription, seats",
    "Meals": "Sweetgreen Chipotle lunch, dinner, team",
    "Ground transport": "Uber Lyft taxi, ride, airport",
    "Air travel": "Delta Lufthansa flight, ticket, fare",
}
MAPPING = {name: name for name in ("external_id", "merchant_name", "memo", "category")}


@dataclass(frozen=True)
class Tenant:
    """An organisation and its key."""

    id: str
    key: str


def tenant(stack: Stack, *, rows: int = 0) -> Tenant:
    """A new organisation with five categories and `rows` labelled rows, imported and indexed."""
    tenant = Tenant(*stack.new_organization())
    chart = [{"name": name, "description": words} for name, words in CATEGORIES.items()]
    with stack.client(tenant.key) as http:
        for category in chart:
            http.post("/v1/categories", json=category).raise_for_status()
        if rows:
            job = send_import(http, "material", rows)
            ended = stack.ended(job.raise_for_status().json()["id"])
            assert ended.status == "succeeded", ended.error
    return tenant


def row(prefix: str, number: int) -> dict[str, Any]:
    """A labelled row; its category follows from its number."""
    name, words = list(CATEGORIES.items())[number % len(CATEGORIES)]
    merchants, _, memo = words.partition(" ")
    return {
        "external_id": f"{prefix}-{number}",
        "merchant_name": f"{merchants} {number % 97}",
        "memo": f"{memo}, trip {number % 31}",
        "category": name,
    }


def send_import(http: httpx.Client, prefix: str, rows: int) -> httpx.Response:
    """Upload a file of labelled rows whose external ids begin with the prefix."""
    lines = "\n".join(json.dumps(row(prefix, number)) for number in range(rows)).encode()
    form = {"format": "jsonl", "mapping": json.dumps(MAPPING)}
    return http.post("/v1/imports", data=form, files={"file": ("rows.jsonl", lines)})


def send_freeze(http: httpx.Client, name: str) -> httpx.Response:
    """Ask for a dataset of all that is labelled."""
    return http.post("/v1/datasets", json={"name": name, "seed": 7})


def activate_base(stack: Stack, http: httpx.Client) -> str:
    """Serve the base model; its version's id."""
    [base] = [m for m in http.get("/v1/models").raise_for_status().json()["data"] if m["kind"] == "base"]
    job = http.post(f"/v1/models/{base['id']}/activate").raise_for_status().json()
    assert stack.ended(job["id"]).status == "succeeded"
    return str(base["id"])


def questions(count: int) -> list[dict[str, Any]]:
    """Bodies for /categorize."""
    rows = [row("question", number * 7 + 3) for number in range(count)]
    return [
        {"transaction": {"merchant_name": r["merchant_name"], "memo": r["memo"]}, "top_k": 5} for r in rows
    ]
