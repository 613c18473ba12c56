"""An organisation that is worth reviewing, and a browser with a person at its keyboard."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from playwright.sync_api import Browser, Dialog, Page, Route
from sqlalchemy import Engine

from shared.candidates import service as candidates
from shared.candidates.service import Difficulty, NewCandidate, Origin
from shared.kit.unit_of_work import transaction
from shared.transactions.fields import TransactionFields
from tests.factories import OrganizationClient, new_category

CHART = ("Travel: lodging", "Airfare", "Software subscriptions", "Meals", "Office supplies", "Advertising")
MERCHANTS = ("Marriott", "Lufthansa", "Notion", "Vapiano", "Staples", "Meta")


@dataclass
class Desk:
    """A page of the console in a browser of its own, and all that the browser complained about."""

    page: Page
    organization: OrganizationClient
    complaints: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The id of what lies on the desk; empty: nothing."""
        return self.page.get_attribute("#card", "data-id") or ""

    def press(self, *keys: str) -> None:
        """Press the keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def decide(self, *keys: str) -> str:
        """Press the keys that decide about what is shown, and await the next: the id that was decided."""
        decided = self.shown
        self.press(*keys)
        self.page.wait_for_function("(id) => document.getElementById('card').dataset.id !== id", arg=decided)
        return decided

    def settle(self) -> None:
        """Await suggestions for what is shown."""
        self.page.wait_for_selector("#card:not([hidden]):not(.busy) .suggestion")

    def forgive(self, expected: str) -> None:
        """Forget complaints of which this is a part: Chromium reports every error that it is answered."""
        self.complaints[:] = [complaint for complaint in self.complaints if expected not in complaint]

    def text(self, selector: str) -> str:
        """What stands there, in sight."""
        return self.page.inner_text(selector).strip()

    def progress(self) -> dict[str, int]:
        """The counts as the API has them."""
        total: dict[str, int] = self.organization.get("/v1/candidates/progress").json()["total"]
        return total

    def candidate(self, candidate_id: str) -> Any:
        """The candidate as the API has it."""
        return self.organization.get(f"/v1/candidates/{candidate_id}").json()


Open = Callable[..., Desk]


def open_desk(
    browser: Browser, url: str, organization: OrganizationClient, name: str = "Jane", where: str = "review"
) -> Desk:
    """Sign in, in a browser that shares nothing with others, and go to the page."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    desk = Desk(page, organization)

    def dismiss(dialog: Dialog) -> None:
        desk.complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("console", lambda said: desk.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    page.on("dialog", dismiss)
    page.goto(f"{url}/console/sign-in")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("API key").fill(organization.key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/review")
    if where != "review":
        page.goto(f"{url}/console/{where}")
    return desk


def stock(engine: Engine, organization: OrganizationClient, number: int, **fields: Any) -> list[str]:
    """So many candidates, easiest first, over a chart that is made where there is none; their ids."""
    chart = organization.get("/v1/categories").json()["data"]
    chart = chart or [new_category(organization, name=name) for name in CHART]
    new = []
    for position in range(number):
        merchant, memo = f"{MERCHANTS[position % 6]} {position}", f"number {position}"
        plain = TransactionFields(merchant, memo=memo, amount=Decimal("12.50"), currency="EUR")
        difficulty = Difficulty(rank=position + 1, margin=-position / 100, model_version_id=uuid.uuid4())
        category_id = uuid.UUID(chart[position % len(chart)]["id"])
        new.append(NewCandidate(category_id, replace(plain, **fields), difficulty=difficulty))
    return add(engine, organization, new)


def add(engine: Engine, organization: OrganizationClient, new: Sequence[NewCandidate]) -> list[str]:
    """Put candidates where a generation would; their ids."""
    origin = Origin(uuid.uuid4(), style="ambiguous", prompt_version="1", llm="scripted")
    with transaction(engine) as session:
        return [str(candidate_id) for candidate_id in candidates.add(session, organization.id, origin, new)]


def cut(route: Route) -> None:
    """Answer nothing: the network is gone."""
    route.abort("connectionreset")
