"""What no candidate is made of: rows that break a rule, and what is there already."""

import uuid
from typing import Any

import pytest

from devtools.scripted_llm import ScriptedLLM, changing
from shared.kit.settings import Settings
from shared.resources import Resources
from tests.factories import OrganizationClient, new_transaction
from tests.generation.working import NAMES, activate, candidates_of, chart, generate, result_of

SPOILT = {
    "unknown-category": {"category": "Trips to the moon"},
    "blank": {"merchant_name": " "},
    "amount": {"amount": "1e9"},
    "currency": {"currency": "XXX"},
    "too-long": {"memo": "x" * 5001},
    "bad-text": {"merchant_name": "A\x00B"},
    "merchant_category_code": {"merchant_category_code": "12345"},
    "occurred_on": {"occurred_on": "2026-02-30"},
    "shape": {"organization_id": str(uuid.uuid4())},
}


@pytest.mark.parametrize("reason", SPOILT)
def test_a_row_that_breaks_a_rule_is_refused_and_counted(
    organization: OrganizationClient,
    resources: Resources,
    configured: Settings,
    server: ScriptedLLM,
    reason: str,
) -> None:
    chart(organization)
    server.script = changing(lambda rows: [rows[0] | SPOILT[reason], *rows[1:]])
    result = result_of(generate(resources, organization, configured, count=10))
    assert result["refused"][reason] == 1
    assert len(candidates_of(resources.engine, organization)) == result["valid"] <= 9


@pytest.mark.parametrize("row", [None, 7, "text", [], {}])
def test_what_is_no_row_is_refused(
    organization: OrganizationClient,
    resources: Resources,
    configured: Settings,
    server: ScriptedLLM,
    row: Any,
) -> None:
    chart(organization)
    server.script = changing(lambda rows: [row, *rows[1:]])
    result = result_of(generate(resources, organization, configured, count=10))
    assert result["refused"].keys() & {"shape", "unknown-category"}


def test_only_wanted_categories_and_no_more_of_them_than_asked(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    categories = chart(organization)
    server.script = changing(lambda rows: [*rows, {**rows[0], "category": "Lodging", "memo": "odd"}])
    wanted = [categories["Ground Transport"]]
    result = result_of(generate(resources, organization, configured, count=5, category_ids=wanted))
    assert {str(candidate.category_id) for candidate in candidates_of(resources.engine, organization)} == set(
        wanted
    )
    assert result["refused"]["category-not-asked"] == 1
    server.script = changing(lambda rows: [*rows, {**rows[0], "memo": "one more"}])
    result = result_of(generate(resources, organization, configured, count=5, category_ids=wanted, seed=2))
    assert result["refused"]["more-than-asked"] == 1


def test_duplicates_are_refused_word_for_word_and_nearly(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    row = {"merchant_name": "Marriott", "memo": "Two nights for the customer visit", "department": "Sales"}
    new_transaction(organization, **row)
    sent: dict[str, Any] = {"merchant_descriptor": None, "merchant_category": [], "spend_program_name": None}
    sent |= {"amount": "12.50", "currency": "EUR", "trip_name": None, "category": "Lodging"}
    variants = [
        row | {"merchant_name": "MARRIOTT #204"},  # of the transaction, word for word
        row | {"memo": "Two night for the customer visit"},  # of the transaction, nearly
        row | {"memo": "Laundry on the last day"},
        row | {"memo": "laundry on the last day"},  # of the candidate before
        row | {"memo": "laundry on the last days"},
    ]
    categories = organization.get("/v1/categories").json()["data"]
    [lodging] = [category["id"] for category in categories if category["name"] == "Lodging"]
    server.script = changing(lambda _: [sent | variant for variant in variants])
    result = result_of(generate(resources, organization, configured, count=5, category_ids=[lodging]))
    assert result["refused"] == {
        "duplicate-of-transaction": 1,
        "near-duplicate-of-transaction": 1,
        "duplicate-of-candidate": 1,
        "near-duplicate-of-candidate": 1,
    }
    again = result_of(generate(resources, organization, configured, count=5, category_ids=[lodging], seed=9))
    assert again["valid"] == 0


def test_the_embedding_finds_what_the_text_does_not(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    categories = chart(organization)
    known = {"merchant_name": "Marriott Hotels", "memo": "Two nights for the customer visit in Boston"}
    row = new_transaction(organization, **known)["id"]
    organization.put(f"/v1/transactions/{row}/label", {"category_id": categories["Lodging"]})
    activate(organization, resources)
    sent = {"category": "Lodging", "amount": "12.50", "currency": "EUR", "merchant_category": []}
    # Another block of merchants, so no text is compared.
    other = {"merchant_name": "Marriott Hotel", "memo": "two nights for the customer visit in Boston"}
    server.script = changing(lambda _: [sent | other])
    wanted = [categories["Lodging"]]
    result = result_of(generate(resources, organization, configured, count=1, category_ids=wanted))
    assert result["refused"] == {"near-duplicate-of-transaction": 1}


def test_names_of_the_chart_are_no_paraphrases(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = changing(
        lambda rows: [
            {"category": row["category"], "name": name} for row, name in zip(rows, NAMES, strict=False)
        ]
    )
    result = result_of(generate(resources, organization, configured, style="paraphrase", count=4))
    assert result["refused"]["name-of-category"] == 4
