"""The text of a category."""

import pytest

from shared.categories.text import category_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (category_text("Insurance"), "Insurance"),
        (category_text("Insurance", None, []), "Insurance"),
        (category_text("Insurance", "Premiums and excess."), "Insurance. Premiums and excess"),
        (
            category_text("Insurance", "", ["D&O policy", " Cyber\npolicy "]),
            "Insurance. Examples: D&O policy; Cyber policy",
        ),
        (
            category_text("Travel: Airfare", "Flights", ["Delta", "", "United"]),
            "Travel: Airfare. Flights. Examples: Delta; United",
        ),
    ],
)
def test_parts_and_their_order(text: str, expected: str) -> None:
    assert text == expected
