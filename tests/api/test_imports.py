"""Uploads over HTTP: what is stored and queued, and what is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.resources import Resources
from tests.factories import OrganizationClient

ROWS = b"id,merchant\n1,Lufthansa\n2,Marriott\n"
MAPPING = json.dumps({"external_id": "id", "merchant_name": "merchant"})


def send(organization: OrganizationClient, content: bytes = ROWS, **fields: str) -> Any:
    """Upload a file with a form's fields."""
    data = {"format": "csv", "mapping": MAPPING} | fields
    return organization.post("/v1/imports", data=data, files={"file": ("rows.csv", content)})


def uploads(resources: Resources, organization: OrganizationClient) -> list[bytes]:
    """The stored files of the organisation."""
    return [path.read_bytes() for path in resources.artifacts.root.glob(f"uploads/{organization.id}/*")]


def test_a_file_is_stored_and_its_job_queued(resources: Resources, organization: OrganizationClient) -> None:
    response = send(organization, defaults='{"currency": "EUR"}', create_categories="true")
    assert response.status_code == 202, response.text
    job = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["status"]) == ("import", "queued")
    upload = job["params"].pop("upload")
    assert job["params"] == {
        "format": "csv",
        "mapping": {"external_id": "id", "merchant_name": "merchant"},
        "defaults": {"currency": "EUR"},
        "create_categories": True,
    }
    assert resources.artifacts.path(upload).read_bytes() == ROWS
    assert organization.get(f"/v1/jobs/{job['id']}").status_code == 200


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"format": "xls"}, "/format"),
        ({"mapping": "not json"}, "/mapping"),
        ({"mapping": "[]"}, "/mapping"),
        ({"mapping": '{"a": 1}'}, "/mapping/a"),
        ({"mapping": '{"a": "1", "a": "2"}'}, "/mapping"),
        ({"mapping": "[" * 5000}, "/mapping"),
        ({"defaults": '{"a": "\\u0000"}'}, "/defaults"),
        ({"create_categories": "perhaps"}, "/create_categories"),
        ({"create_categories": "1"}, "/create_categories"),
        ({"colour": "red"}, "/colour"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_form_that_does_not_fit_is_a_422_and_stores_nothing(
    resources: Resources, organization: OrganizationClient, fields: dict[str, str], pointer: str
) -> None:
    response = send(organization, ROWS, **fields)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert uploads(resources, organization) == []


def test_a_form_without_a_file_is_a_422(organization: OrganizationClient) -> None:
    response = organization.post("/v1/imports", files={"format": (None, "csv"), "mapping": (None, MAPPING)})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/file"


def test_an_upload_over_the_cap_is_a_413_declared_or_not(
    resources: Resources, organization: OrganizationClient
) -> None:
    too_much = b"x" * (resources.settings.max_upload_bytes + 1)
    assert send(organization, too_much).status_code == 413

    def chunks() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        yield too_much
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert organization.post("/v1/imports", content=chunks(), headers=headers).status_code == 413
    assert uploads(resources, organization) == []


def test_json_is_no_upload_and_a_broken_form_is_a_400(organization: OrganizationClient) -> None:
    assert organization.post("/v1/imports", {"format": "csv"}).status_code == 415
    headers = {"Content-Type": "multipart/form-data"}
    assert organization.post("/v1/imports", content=b"--", headers=headers).status_code == 400


def test_an_upload_is_not_read_for_somebody_who_may_not_write(organization: OrganizationClient) -> None:
    reader = organization.with_key("read")
    assert send(reader).status_code == 403
    # The body is unsound, and nobody has looked: the key was asked for first.
    headers = {"Content-Type": "multipart/form-data", "Authorization": "Bearer wrong"}
    assert organization.client.post("/v1/imports", content=b"--", headers=headers).status_code == 401
