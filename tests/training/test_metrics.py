"""A model before and after, by hand."""

import json

import pytest

from shared.kit.intervals import bootstrap_interval
from shared.training.metrics import compare


def test_rows_are_compared_one_by_one() -> None:
    found = compare([1, 1 / 2, 1 / 6, 1 / 3], [1 / 2, 1, 1 / 5, 1 / 3])
    assert found is not None
    assert (found["n"], found["improved"], found["regressed"], found["unchanged"]) == (4, 2, 1, 1)
    values = {side: {name: one["value"] for name, one in found[side].items()} for side in ("before", "after")}
    assert values["before"] == pytest.approx({"recall_at_1": 0.25, "recall_at_5": 0.75, "mrr": 0.5})
    assert values["after"] == pytest.approx({"recall_at_1": 0.25, "recall_at_5": 1, "mrr": 61 / 120})
    difference = found["difference"]["recall_at_1"]
    assert (difference["low"], difference["high"]) == bootstrap_interval([-1, 1, 0, 0])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_without_rows_there_is_nothing_to_compare() -> None:
    assert compare([], []) is None
