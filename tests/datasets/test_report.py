"""What a dataset says of itself: duplicates, texts that give the label away, categories without rows."""

import uuid
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.report import ReportRow, describe, find_duplicates, names_its_label
from shared.datasets.splits import SPLITS

LODGING, MEALS, TAXES = (uuid.UUID(int=number) for number in range(3))


@given(st.lists(st.tuples(st.sampled_from(SPLITS), st.integers(0, 5)), max_size=60))
def test_no_content_is_left_in_two_splits_and_none_is_lost(rows: list[tuple[str, int]]) -> None:
    split_of = {uuid.UUID(int=number): split for number, (split, _) in enumerate(rows)}
    digest_of = {uuid.UUID(int=number): str(content) for number, (_, content) in enumerate(rows)}
    out = find_duplicates(split_of, digest_of)
    left: dict[str, set[str]] = defaultdict(set)
    for row_id in split_of.keys() - out:
        left[digest_of[row_id]].add(split_of[row_id])
    assert all(len(splits) == 1 for splits in left.values())
    assert left.keys() == set(digest_of.values())
    for row_id in out:  # what goes has a copy in an earlier split
        [kept] = left[digest_of[row_id]]
        assert SPLITS.index(kept) < SPLITS.index(split_of[row_id])


@pytest.mark.parametrize(
    ("text", "name", "gives_away"),
    [
        ("Hotel Lodging, Hilton", "Lodging", True),
        ("Hilton, travel and LODGING", "Travel: lodging", True),
        ("Hilton, lodging", "Travel: lodging", False),
        ("Lodgings & more", "Lodging", False),
        ("R&D at Acme", "R&D", False),  # words of two letters tell nothing
    ],
)
def test_a_text_gives_its_label_away_when_it_has_all_its_words(
    text: str, name: str, gives_away: bool
) -> None:
    assert names_its_label(text, name) is gives_away


def test_the_report_counts_and_points_at_what_is_missing() -> None:
    rows = [ReportRow("train", MEALS, f"lunch {number}") for number in range(6)]
    rows += [ReportRow("eval", MEALS, "team meals"), ReportRow("train", LODGING, "hotel")]
    names = {LODGING: "Lodging", MEALS: "Meals", TAXES: "Taxes"}
    report = describe(rows, names, duplicates_removed={"eval": 2}, undated=1).model_dump(mode="json")
    assert report["categories"] == [
        {"id": str(LODGING), "name": "Lodging", "train": 1, "test": 0, "eval": 0},
        {"id": str(MEALS), "name": "Meals", "train": 6, "test": 0, "eval": 1},
        {"id": str(TAXES), "name": "Taxes", "train": 0, "test": 0, "eval": 0},
    ]
    assert report["leakage"] == {
        "train": {"rows": 0, "share": 0.0},
        "test": {"rows": 0, "share": None},
        "eval": {"rows": 1, "share": 1.0},
    }
    assert [category["name"] for category in report["thin"]] == ["Lodging"]
    assert [category["name"] for category in report["without_rows"]] == ["Taxes"]
    assert report["duplicates_removed"] == {"train": 0, "test": 0, "eval": 2}
    assert report["undated"] == 1
