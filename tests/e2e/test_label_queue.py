"""Two people label from one queue, and a key that may only read looks at it, in a real Chromium."""

import functools

from playwright.sync_api import Browser, expect

from devtools.waiting import eventually
from tests.e2e.console import Open, open_desk
from tests.factories import OrganizationClient, new_transaction

ROWS = 20


def label_of(organization: OrganizationClient, transaction_id: str) -> dict[str, str] | None:
    label: dict[str, str] | None = organization.get(f"/v1/transactions/{transaction_id}").json()["label"]
    return label


def test_two_people_who_label_at_once_have_no_row_in_common(at_work: Open) -> None:
    jane = at_work()
    transaction_ids = {
        new_transaction(jane.organization, merchant_name=f"Hotel {n}")["id"] for n in range(ROWS)
    }
    ben = at_work(name="Ben")
    desks = (jane, ben)
    for desk in desks:
        desk.page.goto(desk.page.url.replace("review", "label"))
    labelled: dict[str, str] = {}
    for desk in desks:
        desk.settle()
    while any(desk.page.locator("#card").is_visible() for desk in desks):
        for desk, name in zip(desks, ("Jane", "Ben"), strict=True):
            if not desk.page.locator("#card").is_visible():
                continue
            desk.settle()
            assert desk.shown not in labelled
            labelled[desk.decide("a")] = name
            desk.page.wait_for_selector("#card:not(.busy), #empty:not([hidden])")
    assert set(labelled) == transaction_ids
    assert set(labelled.values()) == {"Jane", "Ben"}
    for transaction_id, name in labelled.items():
        label = eventually(functools.partial(label_of, jane.organization, transaction_id))
        assert label["actor"].startswith(f"{name}#")
        assert len(jane.organization.get(f"/v1/transactions/{transaction_id}/labels").json()["data"]) == 1
    for desk in desks:
        assert desk.page.locator("#trouble").is_hidden()


def test_a_label_that_came_too_late_says_so(at_work: Open) -> None:
    desk = at_work()
    organization = desk.organization
    transaction_ids = {
        new_transaction(organization, merchant_name=name)["id"] for name in ("First", "Second")
    }
    desk.page.goto(desk.page.url.replace("review", "label"))
    desk.settle()
    category = organization.get("/v1/categories").json()["data"][0]["id"]
    body = {"category_id": category, "reviewer": "Ben"}
    assert organization.put(f"/v1/transactions/{desk.shown}/label", body).status_code == 200
    decided = desk.decide("a")
    desk.page.wait_for_selector("#trouble:not([hidden])")
    assert "was not labelled. Somebody else has labelled this transaction." in desk.text("#trouble")
    desk.forgive("409")
    label = label_of(organization, decided)
    assert label is not None
    assert label["actor"] == "Ben"
    assert {decided, desk.shown} == transaction_ids


def test_a_key_that_may_only_read_looks_and_decides_nothing(
    at_work: Open, browser: Browser, url: str
) -> None:
    writer = at_work(2)
    organization = writer.organization
    transaction_ids = [
        new_transaction(organization, merchant_name=f"Hotel {number}")["id"] for number in range(3)
    ]
    desk = open_desk(browser, url, organization.with_key("read"), "Ann")
    for where, first in (("review", None), ("label", transaction_ids[2])):
        desk.page.goto(f"{url}/console/{where}")
        desk.settle()
        assert first in {None, desk.shown}
        expect(desk.page.locator("#read-only")).to_contain_text("This API key may only read.")
        expect(desk.page.locator("[data-action=approve]")).to_be_disabled()
        shown = desk.shown
        desk.press("a")
        expect(desk.page.locator("#note")).to_contain_text("This API key may only read.")
        assert desk.shown == shown
        desk.decide("s")
        desk.decide("z")
        assert desk.shown == shown
    desk.page.goto(f"{url}/console/candidates")
    desk.page.wait_for_selector("#rows tr")
    assert desk.page.locator("#rows input").count() == 0
    assert desk.complaints == []
    desk.page.context.close()
    assert [label_of(organization, transaction_id) for transaction_id in transaction_ids] == [None] * 3
    assert writer.progress()["pending"] == 2
    # Looking holds nothing: another reviewer gets all of it.
    answer = organization.post("/v1/transactions/next", {"reviewer": "Ben", "count": 3}).json()["data"]
    assert [row["id"] for row in answer] == transaction_ids[::-1]
