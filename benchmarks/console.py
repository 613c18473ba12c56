"""The review page under a fast hand: from the key to the next candidate shown, in a real Chromium.

    python -m benchmarks.console --decisions 100 --screens /tmp/screens

Starts embedded servers and the API in a temporary folder, signs in, and decides by keys alone. A stopwatch in
the page takes the time from the keydown to the second frame after another candidate is on the desk; what the
server does meanwhile is measured apart, as the seconds until every decision has arrived. `--pause` is what
the hand waits between two keys. `--screens` also keeps a picture of each page at both widths. `--json` writes
the figures. CHROMIUM names the browser where it is not on the PATH.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.console_stack import SEED, Served, serve

KEYS = {"approve": "a", "reject": "x", "skip": "s"}
WIDTHS = (1280, 390)
STOPWATCH = """
addEventListener("keydown", () => { pressed = performance.now(); }, true);
let pressed = 0;
window.times = [];
addEventListener("DOMContentLoaded", () => {
  const card = document.getElementById("card");
  if (!card) return;
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    if (pressed && card.dataset.id) { times.push(performance.now() - pressed); pressed = 0; }
  }))).observe(card, { attributeFilter: ["data-id"] });
});
"""
DECIDED = """() => [...document.querySelectorAll("#progress dd")].slice(1)
  .reduce((sum, one) => sum + Number(one.textContent), 0)"""


def find_chromium() -> str | None:
    """The browser: CHROMIUM, or what the PATH has."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def sign_in(browser: Browser, served: Served, name: str, width: int, **options: Any) -> Page:
    """A page of a browser of its own, signed in."""
    page = browser.new_context(
        viewport={"width": width, "height": 800 if width > 600 else 844}, **options
    ).new_page()
    page.add_init_script(STOPWATCH)
    page.goto(f"{served.url}/console")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("API key").fill(served.key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#card:not([hidden])")
    page.wait_for_selector(".suggestion")
    return page


def decide(page: Page, decisions: int, pause_ms: int) -> dict[str, float]:
    """Keys only, four in five of them an approval; the page's milliseconds, and seconds until all arrived."""
    draw = random.Random(SEED)
    page.wait_for_selector("#progress dd")
    before = page.evaluate(f"({DECIDED})()")
    started = time.perf_counter()
    for number in range(1, decisions + 1):
        verb = draw.choices(list(KEYS), (8, 1, 1))[0]
        page.keyboard.press(KEYS[verb])
        if verb == "reject":
            page.keyboard.press("Enter")  # no reason: the time counts from here
        page.wait_for_function("(n) => times.length >= n", arg=number)
        page.wait_for_timeout(pause_ms)
    by_hand = time.perf_counter() - started
    page.wait_for_function(f"(n) => ({DECIDED})() >= n", arg=before + decisions)
    times = sorted(page.evaluate("times"))
    return {
        "decisions": decisions,
        "p50 ms": round(statistics.median(times), 1),
        "p95 ms": round(times[max(0, -(-95 * len(times) // 100) - 1)], 1),
        "max ms": round(times[-1], 1),
        "seconds in all": round(by_hand, 1),
        "seconds until all had arrived": round(time.perf_counter() - started, 1),
    }


def take_screens(browser: Browser, served: Served, folder: Path) -> None:
    """Every page at both widths, and the desk in the dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        bare_page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
        bare_page.goto(f"{served.url}/console/sign-in")
        bare_page.screenshot(path=folder / f"sign-in-{width}.png")
        page = sign_in(browser, served, f"Jane {width}", width)
        for name in ("review", "candidates", "label"):
            page.goto(f"{served.url}/console/{name}")
            page.wait_for_selector("#rows tr" if name == "candidates" else ".suggestion")
            page.screenshot(path=folder / f"{name}-{width}.png", full_page=name != "candidates")
        page.goto(f"{served.url}/console/review")
        page.wait_for_selector(".suggestion")
        page.keyboard.press("/")
        page.keyboard.type("tra")
        page.screenshot(path=folder / f"search-{width}.png")
        page.keyboard.press("Escape")
        page.keyboard.press("x")
        page.screenshot(path=folder / f"reason-{width}.png")
        dark = sign_in(browser, served, f"Dark {width}", width, color_scheme="dark")
        dark.screenshot(path=folder / f"dark-{width}.png", full_page=True)


def main() -> int:
    """The table, and the pictures where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=100)
    parser.add_argument("--pause", type=int, default=100, help="milliseconds between two keys")
    parser.add_argument("--screens", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("No Chromium is found: install one, or name it in CHROMIUM.")
    measurements = {}
    with (
        tempfile.TemporaryDirectory(prefix="outlay-console-") as folder,
        serve(Path(folder), 2 * given.decisions + 150) as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if given.screens:
            take_screens(browser, served, given.screens)
        for width in WIDTHS:
            page = sign_in(browser, served, f"Hand {width}", width)
            measurements[f"{width} pixels"] = decide(page, given.decisions, given.pause)
        browser.close()
    table = Table("", *next(iter(measurements.values())), title="From the key to the next candidate")
    for name, figures in measurements.items():
        table.add_row(name, *map(str, figures.values()))
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(measurements, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
