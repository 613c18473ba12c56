"""A model before and after, by hand."""

import json

import pytest

from shared.kit.intervals import bootstrap_interval
from shared.training.metrics import compare


def test_rows_are_compared_one_by_one() -> None:
    change = compare([1, 1 / 2, 1 / 6, 1 / 3], [1 / 2, 1, 1 / 5, 1 / 3])
    assert change is not None
    assert (change["n"], change["improved"], change["regressed"], change["unchanged"]) == (4, 2, 1, 1)
    values = {
        side: {name: figure["value"] for name, figure in change[side].items()} for side in ("before", "after")
    }
    assert values["before"] == pytest.approx({"recall_at_1": 0.25, "recall_at_5": 0.75, "mrr": 0.5})
    assert values["after"] == pytest.approx({"recall_at_1": 0.25, "recall_at_5": 1, "mrr": 61 / 120})
    difference = change["difference"]["recall_at_1"]
    assert (difference["low"], difference["high"]) == bootstrap_interval([-1, 1, 0, 0])
    assert json.loads(json.dumps(change, allow_nan=False)) == change


def test_without_rows_there_is_nothing_to_compare() -> None:
    assert compare([], []) is None
