"""The review desk in a real Chromium, on the real stack with an active model: keys, leases, failures."""

from playwright.sync_api import Browser, Route, expect
from sqlalchemy import Engine
from starlette.testclient import TestClient

from devtools.waiting import eventually
from shared.candidates.service import NewCandidate
from tests.e2e.console import CHART, Open, add, cut, open_desk, stock
from tests.factories import new_organization


def test_25_are_decided_by_keys_alone(at_work: Open) -> None:
    desk = at_work(25)
    desk.settle()
    seen = []
    for number in range(25):
        keys = {3: ("x", *"odd", "Enter"), 7: ("s",), 11: ("Control+r", "Enter"), 13: ("Control+e",)}
        seen.append(desk.decide(*keys.get(number, ("a",))))
    desk.page.wait_for_selector("#empty:not([hidden])")
    assert len(set(seen)) == 25
    eventually(lambda: desk.progress() == {"pending": 0, "approved": 22, "rejected": 2, "skipped": 1})
    assert [desk.candidate(seen[number])["status"] for number in (3, 7, 11)] == [
        "rejected",
        "skipped",
        "rejected",
    ]
    assert [desk.candidate(seen[number])["reason"] for number in (3, 11)] == ["odd", None]
    # Hardest first: the rank was given in the order in which they were made.
    ranks = [desk.candidate(candidate_id)["rank"] for candidate_id in seen]
    assert ranks == sorted(ranks, reverse=True)
    # The page says so too, in time.
    desk.page.wait_for_function(
        "() => [...document.querySelectorAll('#progress dd')].map((one) => one.textContent).slice(0, 4)"
        ".join() === '0,22,2,1'"
    )


def test_undo_walks_back(at_work: Open) -> None:
    desk = at_work(6)
    desk.settle()
    first, second, third = desk.decide("a"), desk.decide("x", "Enter"), desk.decide("s")
    waiting = desk.shown
    assert [desk.decide("z") and desk.shown for _ in range(3)] == [third, second, first]
    assert desk.progress() == {"pending": 6, "approved": 0, "rejected": 0, "skipped": 0}
    assert desk.organization.get("/v1/transactions").json()["data"] == []
    desk.press("z")
    desk.page.wait_for_function("() => document.getElementById('live').textContent.includes('nothing')")
    # Then they come again, in the order in which they were, and what was on the desk after them.
    assert [desk.decide("a") for _ in range(4)] == [first, second, third, waiting]
    desk.forgive("409")  # nothing to undo


def test_an_edit_and_another_category_are_approved(at_work: Open) -> None:
    desk = at_work(2)
    desk.settle()
    proposed = desk.text("#chosen")
    desk.page.get_by_label("Memo").fill("Customer visit")
    desk.page.get_by_label("Amount").fill("99.90")
    desk.press("Escape")
    desk.settle()  # the model is asked again about what was edited
    picked = desk.page.locator(".suggestion .name")
    number = next(n for n in range(picked.count()) if picked.nth(n).inner_text() != proposed)
    name = picked.nth(number).inner_text()
    desk.press(str(number + 1))
    assert desk.text("#chosen-note") == f"instead of {proposed}"
    edited = desk.decide("a")
    transaction_id = eventually(lambda: desk.candidate(edited)["transaction_id"])
    stored = desk.organization.get(f"/v1/transactions/{transaction_id}").json()
    assert (stored["memo"], stored["amount"], stored["source"]) == ("Customer visit", "99.90", "synthetic")
    assert stored["merchant_name"] == desk.candidate(edited)["merchant_name"]
    chart = {
        category["id"]: category["name"]
        for category in desk.organization.get("/v1/categories").json()["data"]
    }
    assert chart[stored["label"]["category_id"]] == name
    assert stored["label"]["actor"].startswith("Jane#")
    # Taken back, it is as it was made.
    desk.decide("z")
    assert desk.shown == edited
    assert (desk.page.input_value("#f-memo"), desk.text("#chosen")) == ("number 1", proposed)


def test_keys_are_text_while_somebody_types(at_work: Open) -> None:
    desk = at_work(3)
    desk.settle()
    shown, category = desk.shown, desk.text("#chosen")
    desk.page.get_by_label("Memo").fill("")
    desk.page.keyboard.type("axsz/123")
    desk.press("Control+r")  # the browser's own, which here would only load the page again
    desk.page.wait_for_load_state()
    desk.settle()
    assert desk.shown == shown
    desk.page.get_by_label("Memo").fill("")
    desk.page.keyboard.type("axsz/123")
    assert (desk.page.input_value("#f-memo"), desk.shown) == ("axsz/123", shown)
    assert desk.text("#chosen") == category
    assert desk.progress()["pending"] == 3
    # From within the field: done, and on to the next.
    assert desk.decide("Control+e") == shown
    eventually(lambda: desk.candidate(shown)["memo"] == "axsz/123")
    assert desk.page.evaluate("document.activeElement.id") == "card"


def test_single_keys_can_be_turned_off(at_work: Open) -> None:
    desk = at_work(2)
    desk.settle()
    shown = desk.shown
    desk.page.get_by_label("Single keys act").uncheck()
    desk.press("a", "s", "Control+e")
    eventually(lambda: desk.progress()["approved"] == 1)
    assert desk.candidate(shown)["status"] == "approved"
    assert desk.progress()["skipped"] == 0


def test_two_browsers_never_show_the_same_candidate(at_work: Open) -> None:
    desks = [at_work(24, name="Jane"), at_work(name="Jane")]  # even under one name
    seen: list[list[str]] = [[], []]
    # Not in turns of equal number: each fetches ahead of its person, so one may find more than the other.
    while len(seen[0] + seen[1]) < 24:
        for desk, mine in zip(desks, seen, strict=True):
            desk.page.wait_for_selector("#card:not([hidden]):not(.busy) .suggestion, #empty:not([hidden])")
            if not desk.page.is_hidden("#empty"):
                continue
            mine.append(desk.decide("a"))
    assert len(set(seen[0] + seen[1])) == 24
    assert all(seen)
    eventually(lambda: desks[0].progress()["approved"] == 24)


def test_a_failed_request_brings_the_candidate_back(at_work: Open) -> None:
    desk = at_work(4)
    desk.settle()
    desk.page.route("**/approve", cut)
    desk.page.get_by_label("Memo").fill("not lost")
    desk.press("Escape")
    failed = desk.decide("a")
    following = desk.shown
    desk.page.wait_for_selector("#trouble:not([hidden])")
    assert "was not approved. The server cannot be reached. It comes back next." in desk.text("#trouble")
    assert desk.shown == following  # nothing changes under the hands of whoever looks at it
    desk.page.unroute("**/approve")
    desk.decide("s")
    assert desk.shown == failed
    assert (desk.page.input_value("#f-memo"), desk.page.is_visible("#note")) == ("not lost", True)
    desk.decide("a")
    eventually(lambda: desk.progress() == {"pending": 2, "approved": 1, "rejected": 0, "skipped": 1})
    assert desk.candidate(failed)["memo"] == "not lost"
    desk.forgive("ERR_CONNECTION_RESET")


def test_a_fast_hand_waits_for_a_slow_server(at_work: Open) -> None:
    desk = at_work(80)
    desk.settle()
    stuck: list[Route] = []
    desk.page.route("**/approve", lambda route: stuck.append(route))
    decided = 0
    while not desk.page.query_selector("#card.busy"):
        shown = desk.shown
        desk.press("a")
        decided += 1
        desk.page.wait_for_function(
            "(id) => (({ className, dataset }) => className === 'busy' || dataset.id !== id)(card)", arg=shown
        )
    assert decided > 20
    assert desk.page.is_hidden("#empty")
    desk.page.unroute("**/approve")  # and what was stuck goes on
    desk.page.wait_for_selector("#card:not(.busy)")
    for _ in range(80 - decided):
        desk.decide("a")
    desk.page.wait_for_selector("#empty:not([hidden])")
    eventually(lambda: desk.progress()["approved"] == 80)


def test_nothing_left_and_nothing_reached_are_told_apart(at_work: Open) -> None:
    desk = at_work(1)
    desk.settle()
    desk.page.route("**/next", cut)
    desk.page.reload()
    desk.page.wait_for_selector("#trouble:not([hidden])")
    assert "cannot be reached" in desk.text("#trouble")
    assert desk.page.is_hidden("text=Nothing left to review")
    desk.page.unroute("**/next")
    desk.page.get_by_role("button", name="Look again").click()
    desk.settle()
    desk.press("a")
    desk.page.wait_for_selector("text=Nothing left to review")
    desk.forgive("ERR_CONNECTION_RESET")


def test_an_answer_that_is_lost_does_not_decide_twice(at_work: Open) -> None:
    desk = at_work(3)
    desk.settle()
    lost: list[int] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # it arrived, and nobody was told
        route.abort()

    desk.page.route("**/approve", lose_once)
    decided = desk.decide("a")
    expect(desk.page.locator("#progress dd").first).to_have_text("2", timeout=60_000)
    assert (lost, desk.page.is_hidden("#trouble")) == ([200], True)
    assert desk.candidate(decided)["status"] == "approved"
    assert len(desk.organization.get("/v1/transactions").json()["data"]) == 1
    desk.forgive("ERR_FAILED")


def test_what_the_api_refuses_comes_back_with_the_place(at_work: Open) -> None:
    desk = at_work(1)
    desk.settle()
    desk.page.get_by_label("Currency").fill("QQQ")  # three letters, and no currency
    refused = desk.shown
    desk.press("Control+e")
    desk.page.wait_for_selector("#note:not([hidden])")
    assert "currency" in desk.text("#note")
    assert (desk.shown, desk.page.input_value("#f-currency")) == (refused, "QQQ")
    desk.page.get_by_label("Currency").fill("USD")
    desk.press("Control+e")
    eventually(lambda: desk.progress()["approved"] == 1)
    desk.forgive("422")


def test_what_others_decided_meanwhile_is_said_and_left(at_work: Open) -> None:
    desk = at_work(3)
    desk.settle()
    taken = desk.shown
    reviewer = desk.page.get_attribute("meta[name=reviewer]", "content")
    body = {"reviewer": reviewer, "reason": None}
    assert desk.organization.post(f"/v1/candidates/{taken}/reject", body).status_code == 200
    desk.decide("a")
    desk.page.wait_for_selector("#trouble:not([hidden])")
    assert "has been decided already" in desk.text("#trouble")
    desk.decide("a")
    desk.decide("a")
    assert desk.candidate(taken)["status"] == "rejected"
    eventually(lambda: desk.progress() == {"pending": 0, "approved": 2, "rejected": 1, "skipped": 0})
    desk.forgive("409")


def test_categories_are_searched_without_a_mouse(at_work: Open) -> None:
    desk = at_work(1)
    desk.settle()
    desk.press("/")
    assert desk.page.get_attribute("#search", "aria-expanded") == "true"
    assert desk.page.locator("#found [role=option]").count() == len(CHART)
    desk.page.keyboard.type("s")
    options = desk.page.locator("#found [role=option]").all_inner_texts()
    assert 1 < len(options) <= len(CHART)
    desk.press("ArrowDown")
    marked = desk.page.locator("#found [aria-selected=true]")
    assert marked.count() == 1
    assert desk.page.get_attribute("#search", "aria-activedescendant") == marked.get_attribute("id")
    name = marked.evaluate("(one) => one.firstChild.textContent")
    desk.press("Enter")
    assert (desk.text("#chosen"), desk.page.is_hidden("#found")) == (name, True)
    desk.press("/", "Escape")
    assert desk.page.evaluate("document.activeElement.id") == "card"


def test_without_a_model_the_page_says_so(
    browser: Browser, url: str, client: TestClient, engine: Engine
) -> None:
    organization = new_organization(client)
    stock(engine, organization, 2)
    desk = open_desk(browser, url, organization)
    desk.page.wait_for_function(
        "() => document.getElementById('suggestions-note').textContent.includes('No model')"
    )
    desk.decide("a")
    eventually(lambda: desk.progress()["approved"] == 1)
    desk.page.context.close()


def test_another_name_is_reviewed_too(at_work: Open, engine: Engine) -> None:
    desk = at_work()
    chart = desk.organization.get("/v1/categories").json()["data"]
    [candidate_id] = add(
        engine, desk.organization, [NewCandidate(chart[0]["id"], paraphrase="Overnight stays")]
    )
    desk.page.reload()
    desk.page.wait_for_selector("#card:not([hidden])")
    assert desk.page.is_hidden("#f-merchant_name")
    desk.page.get_by_label("Another name for the category").fill("Hotels")
    desk.press("Control+e")
    eventually(lambda: desk.candidate(candidate_id)["status"] == "approved")
    assert desk.candidate(candidate_id)["paraphrase"] == "Hotels"
