"""Near-duplicates: what is found, what is left alone, and that only a block is compared."""

import numpy as np
import pytest

from shared.generation.duplicates import KnownTexts, KnownVectors
from shared.transactions.merchant import merchant_key

ROW = "Hotels, Travel, Munich May, two nights for the customer visit, Marriott, Sales"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ROW, "duplicate"),
        (ROW.upper(), "duplicate"),
        (f"  {ROW.replace(', ', ',   ')}", "duplicate"),
        (ROW.replace("nights", "night"), "near-duplicate"),
        ("Sales, Marriott, Hotels, Travel, Munich May, two nights for the customer visit", "near-duplicate"),
        (ROW.replace("two nights for the customer visit", "dinner with a candidate"), None),
        ("Hotels, Marriott", None),  # holds only some of the words
    ],
)
def test_what_is_alike(text: str, expected: str | None) -> None:
    texts = KnownTexts()
    texts.add("marriott", ROW)
    assert texts.find("marriott", text) == expected
    assert texts.find("hilton", text) is None


def test_a_block_is_a_merchant_whatever_its_shop_number() -> None:
    assert merchant_key("STARBUCKS #1234") == merchant_key("Starbucks")
    assert merchant_key("SQ *Blue Bottle") == merchant_key("blue bottle")


def test_vectors_grow_and_find_what_is_near() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    known = KnownVectors(384)
    assert not known.has_near(rows[0])
    known.add(rows[:999])
    assert all(known.has_near(row) for row in rows[:999])
    assert not known.has_near(rows[999])
