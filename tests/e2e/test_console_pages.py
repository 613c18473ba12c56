"""The other pages in a real Chromium: text stays text, and nobody needs a mouse."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from devtools.waiting import eventually
from shared.candidates.service import NewCandidate
from shared.transactions.fields import TransactionFields
from tests.e2e.console import Open, add
from tests.factories import new_category, new_transaction

EVIL = "<img src=x onerror=alert(1)>"


def test_what_others_wrote_is_text(at_work: Open, engine: Engine) -> None:
    desk = at_work(name=EVIL)
    organization = desk.organization
    category = new_category(organization, name=f"<script>alert(2)</script>{EVIL}")
    candidate = NewCandidate(
        category["id"], TransactionFields(merchant_name=EVIL, memo=f'"><svg onload=alert(3)>{EVIL}')
    )
    add(engine, organization, [candidate])
    new_transaction(organization, merchant_name=EVIL, memo=EVIL)
    desk.page.reload()
    desk.settle()
    assert (desk.text("#card-title"), desk.page.input_value("#f-merchant_name")) == (EVIL, EVIL)
    assert desk.text("#chosen") == category["name"]
    desk.press("/", *"alert")
    assert desk.page.locator("#found [role=option]").count() == 1
    desk.press("Enter")
    desk.page.click("#progress summary")
    assert EVIL in desk.text("#progress tbody th")
    desk.page.goto(desk.page.url.replace("review", "candidates"))
    desk.page.wait_for_selector("#rows tr")
    assert desk.text("#rows th") == EVIL
    desk.page.goto(desk.page.url.replace("candidates", "label"))
    desk.settle()
    assert desk.text("#card-title") == EVIL
    assert desk.page.locator("img, main svg, main script").count() == 0


def test_inline_scripts_are_stopped_by_the_policy(at_work: Open) -> None:
    desk = at_work(1)
    desk.settle()
    desk.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,x\" onerror=\"window.ran = 1\">')"
    )
    if not desk.complaints:
        desk.page.wait_for_event("console")
    assert any("Content Security Policy" in complaint for complaint in desk.complaints), desk.complaints
    assert desk.page.evaluate("window.ran") is None
    desk.complaints.clear()


def test_a_forged_request_is_refused(at_work: Open) -> None:
    desk = at_work(2)
    desk.settle()
    ask = """async (headers) => {
      const body = JSON.stringify({ reviewer: "Mallory", filter: {} });
      const answer = await fetch("/v1/candidates/approve", { method: "POST", headers, body });
      return [answer.status, (await answer.json()).code];
    }"""
    kind = {"Content-Type": "application/json"}
    assert desk.page.evaluate(ask, kind) == [403, "csrf"]
    assert desk.page.evaluate(ask, kind | {"X-CSRF-Token": "0" * 64}) == [403, "csrf"]
    assert desk.page.evaluate("document.cookie") == ""
    assert desk.progress()["pending"] == 2
    desk.forgive("403")


def test_the_table_decides_about_many(at_work: Open) -> None:
    desk = at_work(70, where="candidates")
    page = desk.page
    page.wait_for_selector("#rows tr")
    assert page.locator("#rows input").count() == 50
    page.click("#more button")
    expect(page.locator("#rows input")).to_have_count(70)
    page.get_by_label("Select all shown").check()
    assert desk.text("#selected") == "70 selected"
    page.locator("#rows input").first.uncheck()
    assert desk.text("#selected") == "69 selected"
    page.click("#approve-selected")
    expect(page.locator("#selected")).to_have_text("69 approved")
    assert desk.progress() == {"pending": 1, "approved": 69, "rejected": 0, "skipped": 0}
    expect(page.locator("#rows input")).to_have_count(1)
    page.locator("#rows input").check()
    page.click("#reject-selected")
    eventually(lambda: desk.progress()["rejected"] == 1)
    page.wait_for_selector("#rows .none")
    page.get_by_label("Status").select_option("rejected")
    page.wait_for_selector("#rows .tag.rejected")
    assert page.locator("#rows input").count() == 0


def test_real_transactions_are_labelled_by_the_same_keys(at_work: Open) -> None:
    desk = at_work()
    organization = desk.organization
    transaction_ids = [
        new_transaction(organization, merchant_name=f"Hotel {number}")["id"] for number in range(4)
    ]
    desk.page.goto(desk.page.url.replace("review", "label"))
    desk.settle()

    def label(transaction_id: str) -> str | None:
        label = organization.get(f"/v1/transactions/{transaction_id}").json()["label"]
        return names[label["category_id"]] if label else None

    names = {
        category["id"]: category["name"] for category in organization.get("/v1/categories").json()["data"]
    }
    suggested = desk.page.locator(".suggestion .name")
    assert desk.shown == transaction_ids[3]  # newest first
    first = suggested.nth(0).inner_text()
    desk.decide("a")
    eventually(lambda: label(transaction_ids[3]) == first)
    actor = organization.get(f"/v1/transactions/{transaction_ids[3]}").json()["label"]["actor"]
    assert "#" in actor  # the reviewer of this session, not the key
    desk.settle()
    third = suggested.nth(2).inner_text()
    desk.press("3")
    assert desk.text("#chosen") == third
    desk.decide("a")
    eventually(lambda: label(transaction_ids[2]) == third)
    desk.decide("s")
    # Back twice: past the one that was skipped, to the label that stands until another is confirmed.
    desk.decide("z")
    desk.decide("z")
    assert (desk.shown, desk.text("#chosen")) == (transaction_ids[2], third)
    desk.settle()
    second = suggested.nth(1).inner_text()
    desk.press("2")
    desk.decide("a")
    eventually(lambda: label(transaction_ids[2]) == second)
    history = organization.get(f"/v1/transactions/{transaction_ids[2]}/labels").json()["data"]
    assert [names[decision["category_id"]] for decision in history] == [second, third]
    desk.settle()
    assert (label(transaction_ids[1]), label(transaction_ids[0])) == (None, None)
    assert [desk.text("#labelled"), desk.text("#skipped")] == ["3", "1"]


@pytest.mark.parametrize("where", ["review", "candidates", "label"])
def test_everything_has_a_name_and_can_be_reached(at_work: Open, where: str) -> None:
    desk = at_work(3)
    new_transaction(desk.organization)
    desk.page.goto(desk.page.url.replace("review", where))
    desk.page.wait_for_selector("#rows input" if where == "candidates" else ".suggestion")
    nameless = """() => [...document.querySelectorAll("input, select, textarea, button, a")]
      .filter((one) => one.checkVisibility()).filter((one) => !(one.labels?.length || one.ariaLabel
        || one.textContent.trim())).map((one) => one.outerHTML)"""
    assert desk.page.evaluate(nameless) == []
    levels = desk.page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    # Tab goes through all of it, from the link that skips the header, and leaves it again: no trap.
    wanted = desk.page.evaluate(
        "[...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex=\"0\"]')]"
        ".filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex === 0).length"
    )
    desk.page.evaluate("window.met = new Set()")
    visited = []
    for _ in range(wanted + 15):
        desk.press("Tab")
        visited.append(
            desk.page.evaluate("(met.add(document.activeElement), document.activeElement.textContent.trim())")
        )
    assert visited[0] == "Skip to the content"
    assert desk.page.evaluate("met.delete(document.body), met.size") >= wanted
    assert desk.page.locator("[role=status]").count() >= 1


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(at_work: Open, width: int) -> None:
    desk = at_work(3)
    new_transaction(desk.organization, merchant_name="M" * 120, memo="word" * 200)
    desk.page.set_viewport_size({"width": width, "height": 844})
    for where in ("review", "candidates", "label"):
        desk.page.goto(f"{desk.page.url.rpartition('/')[0]}/{where}")
        desk.page.wait_for_selector("#rows input" if where == "candidates" else ".suggestion")
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= width, where


def test_a_session_that_ended_says_so_and_loses_nothing(at_work: Open) -> None:
    desk = at_work(3)
    desk.settle()
    desk.page.context.clear_cookies()
    decided = desk.decide("a")
    desk.page.wait_for_selector("#trouble:not([hidden])")
    assert "Sign in again" in desk.text("#trouble")
    assert desk.candidate(decided)["status"] == "pending"
    desk.forgive("401")
