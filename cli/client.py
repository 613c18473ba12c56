"""The few requests that the command line itself sends to the API."""

import json
from http import HTTPStatus

import httpx

from cli.errors import CannotRun
from cli.standalone import Standalone

KEY_FILE = "api-key"


def organization_key(stack: Standalone, *, name: str = "My company") -> str:
    """The API key of this data folder's organisation, which is created on the first start.

    The key is kept in the data folder (mode 0600), since the API shows it only once.

    Raises:
        CannotRun: the API refuses to create the organisation.
    """
    path = stack.folder.path / KEY_FILE
    with httpx.Client(base_url=stack.url, timeout=10) as client:
        if path.exists():
            key = path.read_text().strip()
            headers = {"Authorization": f"Bearer {key}"}
            if client.get("/v1/categories", headers=headers).status_code != HTTPStatus.UNAUTHORIZED:
                return key
        headers = {"Authorization": f"Bearer {stack.root_key}"}
        answer = client.post("/v1/organizations", json={"name": name}, headers=headers)
    if answer.status_code != HTTPStatus.CREATED:
        raise CannotRun(f"No organisation could be created: {answer.status_code} {_detail(answer)}")
    key = str(answer.json()["api_key"]["key"])
    stack.folder.write_private(KEY_FILE, key)
    return key


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return answer.text[:200]
