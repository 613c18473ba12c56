"""Parts of the rows, confusions and reliability, by hand and against scikit-learn's curve."""

import uuid
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.service import Item
from shared.evaluation.runner import EvaluationRows, RankedRow
from shared.evaluation.slices import confusions, reliability, slices
from shared.transactions.fields import TransactionFields

A, B, C = (uuid.UUID(int=number) for number in (1, 2, 3))


def item(
    merchant: str, category: uuid.UUID, amount: str | None = None, department: str | None = None
) -> Item:
    fields = TransactionFields(
        merchant, amount=None if amount is None else Decimal(amount), department=department
    )
    return Item(uuid.uuid4(), uuid.uuid4(), category, merchant, fields)


def answer(row: Item, rank: int | None, suggested: uuid.UUID | None = None, score: float = 0.5) -> RankedRow:
    return RankedRow(row, rank, suggested_category_id=suggested, score=score)


def test_rows_are_divided_by_what_the_train_split_has() -> None:
    train = [item("SQ *Hilton #12", A)] + [item("Figma", B) for _ in range(5)]
    history = [*train, item("KFC", C)]
    answers = [
        answer(item("hilton", A, "12"), 1),
        answer(item("Marriott", A, "-3"), 2),
        answer(item("Figma", B, "12000"), 1),
        answer(item("KFC", C), None),
    ]
    by_name = slices(answers, EvaluationRows([answer.item for answer in answers], history, train))
    values = {
        name: {part: (measures.n, measures.recall[1].value) for part, measures in parts.items()}
        for name, parts in by_name.items()
    }
    assert values["category_seen"] == {"seen": (3, pytest.approx(2 / 3)), "unseen": (1, 0.0)}
    # Cleaned and folded, the first merchant is one that training has; C's is history, but not training.
    assert values["merchant_seen"] == {"seen": (2, 1.0), "unseen": (2, 0.0)}
    assert values["labelled_rows"] == {"1-4": (3, pytest.approx(1 / 3)), "5-19": (1, 1.0)}
    assert values["amount_band"] == {
        "10 to 100": (1, 1.0),
        "10,000 to 100,000": (1, 1.0),
        "none": (1, 0.0),
        "refund": (1, 0.0),
    }
    assert set(by_name["category_seen"]["seen"].model_dump()) == {"n", "recall", "mrr"}


def test_only_the_largest_departments_are_told() -> None:
    answers = [
        answer(item("x", A, department=f"Team {number}"), 1)
        for number in range(25)
        for _ in range(1 + number % 7)
    ]
    departments = slices(answers, EvaluationRows([], [], []))["department"]
    assert len(departments) == 20
    assert "Team 0" not in departments or departments["Team 0"].n == 1
    assert sum(measures.n for measures in departments.values()) >= 80


def test_confusions_are_the_pairs_with_most_rows() -> None:
    pairs = [(A, B)] * 3 + [(B, A)] * 4 + [(C, A)] + [(A, A)] * 9 + [(A, None)] * 9
    answers = [answer(item("x", own), None, other) for own, other in pairs]
    confused = confusions(answers, {A: "Lodging", B: "Software", C: "Meals"})
    assert [(pair.category, pair.suggested, pair.rows) for pair in confused] == [
        ("Software", "Lodging", 4),
        ("Lodging", "Software", 3),
        ("Meals", "Lodging", 1),
    ]


def test_the_calibration_error_by_hand() -> None:
    answers = [
        answer(item("x", A), rank, A, score) for rank, score in ((1, 0.9), (2, 0.9), (1, 1.0), (1, 0.25))
    ]
    curve = reliability(answers)
    by_low = {bin_.low: bin_ for bin_ in curve.bins}
    assert [bin_.n for bin_ in curve.bins] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 3]
    assert by_low[0.9].accuracy == pytest.approx(2 / 3)
    assert by_low[0.9].mean_score == pytest.approx(2.8 / 3)
    assert by_low[0.0].accuracy is None
    error = 3 / 4 * abs(2 / 3 - 2.8 / 3) + 1 / 4 * abs(1 - 0.25)
    assert curve.expected_calibration_error == pytest.approx(error)


@given(st.lists(st.tuples(st.floats(0, 0.999), st.booleans()), min_size=1, max_size=60))
def test_the_bins_are_scikit_learns(rows: list[tuple[float, bool]]) -> None:
    from sklearn.calibration import calibration_curve

    # Its bins are closed on the other side, so scores on an edge are left to the test by hand.
    rows = [(score, right) for score, right in rows if abs(score * 10 - round(score * 10)) > 1e-6]
    if not rows:
        return
    answers = [answer(item("x", A), 1 if right else 2, A, score) for score, right in rows]
    filled = [bin_ for bin_ in reliability(answers).bins if bin_.n]
    shares, means = calibration_curve([right for _, right in rows], [score for score, _ in rows], n_bins=10)
    np.testing.assert_allclose([bin_.accuracy or 0.0 for bin_ in filled], shares)
    np.testing.assert_allclose([bin_.mean_score or 0.0 for bin_ in filled], means)


def test_no_suggestion_is_in_no_bin() -> None:
    curve = reliability([RankedRow(item("x", A), None)])
    assert curve.expected_calibration_error is None
    assert sum(bin_.n for bin_ in curve.bins) == 0
