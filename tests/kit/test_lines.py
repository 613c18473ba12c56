"""Lines of exported files."""

import csv
import io

import pytest

from shared.kit.lines import csv_line


@pytest.mark.parametrize("cell", ["-12.50", "+3", "-0.000012", "-1.2e-05", "12"])
def test_a_number_stays_a_number(cell: str) -> None:
    assert next(csv.reader(io.StringIO(csv_line([cell])))) == [cell]


@pytest.mark.parametrize("cell", ["=1+1", "-2+3", "+A1", "@SUM(A1)", "-", "\t=1", "- lunch", "-1\n=2", "-١٢"])
def test_a_formula_becomes_text(cell: str) -> None:
    assert next(csv.reader(io.StringIO(csv_line([cell])))) == [f"'{cell}"]


def test_none_is_empty_and_numbers_are_in_full() -> None:
    assert csv_line([None, -0.25, 7, "a,b"]) == ',-0.25,7,"a,b"\r\n'
