"""The demo's material: five rows held out by seed, and plain words for a folder that will not do."""

import json
from pathlib import Path

import pytest

from cli.demo_data import HELD_BACK, MIN_ROWS, read, without_label, write_sample
from cli.errors import CannotRun


def test_sample_is_read_with_five_rows_held_out(tmp_path: Path) -> None:
    """The same five at each reading, and none of them among the labelled ones."""
    folder = write_sample(tmp_path / "sample")
    material, again = read(folder), read(folder)
    assert material == again
    assert len(material.unlabelled) == HELD_BACK
    ids = {row["external_id"] for row in material.labelled}
    assert len(ids) == len(material.labelled)
    assert not ids & {row["external_id"] for row in material.unlabelled}


def test_bare_row_has_no_label(tmp_path: Path) -> None:
    """What is asked does not hold the answer."""
    material = read(write_sample(tmp_path / "sample"))
    for row in material.unlabelled:
        assert row["expense_category"] not in without_label(row).values()


@pytest.mark.parametrize(
    ("categories", "transactions"),
    [
        (None, ""),
        ("not json", ""),
        ('[{"name": "no category"}]', ""),
        ("[]", "{}\n" * (MIN_ROWS - 1)),
        ("[]", "[1]\n" * MIN_ROWS),
    ],
)
def test_folder_that_will_not_do_is_refused_plainly(
    tmp_path: Path, categories: str | None, transactions: str
) -> None:
    """The folder is named in the message."""
    if categories is not None:
        (tmp_path / "categories.json").write_text(categories)
        (tmp_path / "transactions.jsonl").write_text(transactions)
    with pytest.raises(CannotRun, match=str(tmp_path)):
        read(tmp_path)


def test_codes_are_made_of_names_where_there_are_none(tmp_path: Path) -> None:
    """A chart is synced by code, which a folder need not have."""
    (tmp_path / "categories.json").write_text(json.dumps([{"category": "Travel: Airfare"}]))
    row = {"merchant_name": "Lufthansa", "expense_category": "Travel: Airfare"}
    (tmp_path / "transactions.jsonl").write_text("\n".join([json.dumps(row)] * MIN_ROWS))
    assert read(tmp_path).categories[0]["code"] == "travel-airfare"
