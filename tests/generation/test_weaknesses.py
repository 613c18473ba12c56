"""What adversarial rows are aimed at, and what is needed: read from the active model's last evaluation."""

import uuid

import pytest

from devtools.scripted_llm import ScriptedLLM
from shared.generation import weaknesses
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_labelled, run_jobs
from tests.generation.working import activate, generate, llm_settings

WORDS = {"Lodging": ("Marriott", "Hilton", "Hyatt"), "Software": ("GitHub", "Figma", "Slack")}


@pytest.fixture
def evaluated(organization: OrganizationClient, resources: Resources) -> dict[str, uuid.UUID]:
    """Hotels and software, every other row filed the wrong way round, so that the model errs."""
    ids = {name: uuid.UUID(new_category(organization, name=name)["id"]) for name in WORDS}
    other = {"Lodging": "Software", "Software": "Lodging"}
    for name, merchants in WORDS.items():
        for number in range(9):
            row = {"merchant_name": merchants[number % 3], "memo": f"{name} {number}"}
            filed = name if number % 2 else other[name]
            new_labelled(organization, str(ids[filed]), [row])
    assert organization.post("/v1/datasets", {"name": "May"}).status_code == 202
    run_jobs(resources, organization)
    activate(organization, resources)
    [dataset] = organization.get("/v1/datasets").json()["data"]
    [base] = organization.get("/v1/models").json()["data"]
    body = {"dataset_id": dataset["id"], "model_version_id": base["id"], "split": "eval"}
    assert organization.post("/v1/evaluations", body).status_code == 202
    run_jobs(resources, organization)
    return ids


def test_confusions_are_the_rows_that_were_filed_wrongly(
    organization: OrganizationClient, resources: Resources, evaluated: dict[str, uuid.UUID]
) -> None:
    [evaluation] = organization.get("/v1/evaluations").json()["data"]
    rows = organization.get(f"/v1/evaluations/{evaluation['id']}/rows").json()["data"]
    with transaction(resources.engine) as session:
        confusions = weaknesses.confusions(session, organization.id)
        needs = weaknesses.needs(session, organization.id, list(evaluated.values()))
    assert confusions
    assert sum(confusion.count for confusion in confusions) == sum(row["rank"] != 1 for row in rows)
    assert all(confusion.right != confusion.mistaken_for for confusion in confusions)
    assert [confusion.count for confusion in confusions] == sorted(
        (confusion.count for confusion in confusions), reverse=True
    )
    for category_id, need in needs.items():
        assert need.labelled == 9
        figures = evaluation["per_category"].get(str(category_id))
        assert need.recall_1 == (None if figures is None else figures["recall"]["1"]["value"])


def test_adversarial_prompts_hold_the_confusions_and_no_real_transaction(
    organization: OrganizationClient,
    resources: Resources,
    settings: Settings,
    server: ScriptedLLM,
    evaluated: dict[str, uuid.UUID],
) -> None:
    configured = llm_settings(settings, server)
    job = generate(resources, organization, configured, style="adversarial", count=10)
    assert job.status == "succeeded", job.error
    [sent] = server.requests
    text = sent["messages"][-1]["content"]
    assert '"mistaken_for"' in text
    for merchant in ("Marriott", "GitHub", "Figma"):
        assert merchant not in text
