"""The demo's last screen: figures, verdict, answers with their labels, and how to look further."""

import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli import demo

FIGURES = {"1": {"value": 0.7}, "3": {"value": 0.8}, "5": {"value": 0.9}}
METRICS = {"n": 40, "recall": FIGURES, "mrr": FIGURES}


def comparison(difference: float, p: float) -> dict[str, Any]:
    """As `GET /v1/evaluations/compare` answers, in short."""
    return {
        "baseline": "b1",
        "candidate": "c2",
        "n": 40,
        "differences": [
            {"metric": "recall", "k": 3, "difference": 0.5, "low": 0.4, "high": 0.6, "p": 0.0001},
            {"metric": "recall", "k": 1, "difference": difference, "low": -0.01, "high": 0.09, "p": p},
        ],
    }


def answer(merchant: str, label: str, *suggestions: str) -> dict[str, Any]:
    return {
        "transaction": {"merchant_name": merchant, "expense_category": label},
        "suggestions": [{"category": {"name": name}, "score": 0.5} for name in suggestions],
    }


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Console:
    """The terminal; `export_text` gives what was printed."""
    console = Console(record=True, width=120, highlight=False, quiet=False)
    monkeypatch.setattr(demo, "console", console)
    return console


def test_each_answer_is_held_against_its_label(screen: Console) -> None:
    demo.show(
        {
            "base": METRICS | {"without_history": METRICS},
            "fine_tuned": METRICS | {"without_history": METRICS},
            "comparison": comparison(0.05, 0.2),
            "activated": "fine-tuned",
            "answers": [
                answer("Marriott", "Lodging", "Lodging", "Meals"),
                answer("[bold]", "Gifts", "Meals"),
            ],
        }
    )
    lines = screen.export_text().splitlines()
    assert "Rows whose labels were kept back: 1 of 2 answers are right." in lines
    assert any("right: Lodging (0.50), then Meals" in line for line in lines)
    wrong = next(number for number, line in enumerate(lines) if "wrong: Meals" in line)
    assert lines[wrong + 1].strip() == "labelled as Gifts"
    assert lines[wrong - 1].strip() == "[bold]"  # a merchant's name is text, never markup


@pytest.mark.parametrize(
    ("difference", "p", "sentence"),
    [
        (0.05, 0.2, r"raised recall@1 by 0\.050 \(95 % .*, p = 0\.2\)\. With 40 rows, this may be chance\."),
        (0.05, 0.001, r"raised recall@1 by 0\.050 .*\. This is more than chance\."),
        (-0.05, 0.001, r"lowered recall@1 by 0\.050 .*\. This is more than chance\."),
        (0.0, 1.0, "left recall@1 as it was, on 40 rows"),
    ],
)
def test_the_verdict_says_whether_the_gain_is_more_than_chance(
    difference: float, p: float, sentence: str
) -> None:
    verdict = demo.verdict(comparison(difference, p))
    assert re.search(sentence, verdict), verdict


def test_the_way_on_is_a_command_that_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/outlay", "demo"])
    text = demo.how_to_look_further(Path("/data/of mine"), {"comparison": comparison(0.05, 0.2)})
    assert "\n  .venv/bin/outlay up --data-folder '/data/of mine'\n" in text
    assert "http://127.0.0.1:8000/console\n" in text
    assert "http://127.0.0.1:8000/console/compare?baseline=b1&candidate=c2" in text
