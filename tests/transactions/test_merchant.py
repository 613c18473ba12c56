"""Cleaning of what a card network prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transactions.merchant import clean_merchant


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("SQ *BLUE BOTTLE 0123", "BLUE BOTTLE"),
        ("PAYPAL *ENCASEMENTL", "ENCASEMENTL"),
        ("TST* THE LOCAL - SF", "THE LOCAL - SF"),
        ("UBER   *TRIP HELP.UBER.COM 8005928996 CA", "UBER *TRIP HELP.UBER.COM"),
        ("SHELL OIL 57444 (415) 555-0123 CA", "SHELL OIL"),
        ("facebk *f8nu366ag2", "facebk"),
        ("tesco stores 5138", "tesco stores"),
        ("halfords 0799", "halfords"),
        ("Home Depot #1202", "Home Depot"),
        ("STARBUCKS STORE 00512", "STARBUCKS"),
        ("spotify p002abdffe", "spotify"),
        ("blue\u00a0\tbottle\u200b", "blue bottle"),
    ],
)
def test_noise_is_removed(raw: str, cleaned: str) -> None:
    assert clean_merchant(raw) == cleaned


@pytest.mark.parametrize(
    "name",
    [
        "Office 365",
        "Forever 21",
        "99p stores ltd",
        "4imprint",
        "google *adws",
        "Square Enix",
        "Paypal Credit",
        "4423",
        "*",
    ],
)
def test_what_may_be_the_name_stays(name: str) -> None:
    assert clean_merchant(name) == name


_NOISE = "SQ *|PAYPAL *|TST* |*| |#12|0123|555-0123|CA|cafe|é|\u0301|\x00|store |no. 7|p002abdffe|½|-|\u200b"
_pieces = st.lists(st.sampled_from(_NOISE.split("|")), min_size=1).map("".join)


@given(st.one_of(st.text(min_size=1), _pieces))
def test_cleaning_is_idempotent_and_never_empties(raw: str) -> None:
    cleaned = clean_merchant(raw)
    assert cleaned
    assert clean_merchant(cleaned) == cleaned


@given(st.one_of(st.text(min_size=1), _pieces))
def test_a_letter_survives_when_there_was_one(raw: str) -> None:
    if any(character.isalpha() for character in raw):
        assert any(character.isalpha() for character in clean_merchant(raw))
