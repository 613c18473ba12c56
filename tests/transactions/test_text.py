"""The text of a transaction."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transactions.fields import TransactionFields
from shared.transactions.text import TEXT_VERSION, transaction_text

FULL = TransactionFields(
    merchant_name="Marriott",
    merchant_descriptor="SQ *MOSCONE CTR 0042",
    merchant_category=("Hotels", "Lodging"),
    merchant_category_code="7011",
    department="Sales",
    location="San Francisco, CA",
    amount=Decimal("1250.00"),
    currency="USD",
    memo="two nights",
    spend_program_name="Events Budget",
    trip_name="Dreamforce 2024",
)


def test_order_of_the_fields_in_version_1() -> None:
    assert TEXT_VERSION == "1"
    assert transaction_text(FULL) == (
        "Hotels, Lodging, Events Budget, Dreamforce 2024, two nights, Marriott, MOSCONE CTR, Sales"
    )


def test_the_merchant_alone_is_enough() -> None:
    assert transaction_text(TransactionFields("Blue Bottle")) == "Blue Bottle"


def test_the_code_stands_in_for_missing_category_names() -> None:
    assert transaction_text(TransactionFields("Hilton", merchant_category_code="7011")) == "MCC 7011, Hilton"
    assert "MCC" not in transaction_text(FULL)


def test_a_descriptor_that_repeats_the_merchant_is_left_out() -> None:
    assert transaction_text(TransactionFields("Blue Bottle", merchant_descriptor="SQ *BLUE BOTTLE 0123")) == (
        "Blue Bottle"
    )


@pytest.mark.parametrize(
    "changed", [replace(FULL, location=None), replace(FULL, amount=None), replace(FULL, currency=None)]
)
def test_fields_left_out_do_not_change_the_text(changed: TransactionFields) -> None:
    assert changed != FULL
    assert transaction_text(changed) == transaction_text(FULL)


_text = st.none() | st.text(max_size=20)


@given(
    st.builds(
        TransactionFields,
        merchant_name=st.text(min_size=1, max_size=20),
        merchant_descriptor=_text,
        merchant_category=st.lists(st.text(max_size=10), max_size=3).map(tuple),
        department=_text,
        memo=_text,
        spend_program_name=_text,
        trip_name=_text,
    )
)
def test_no_empty_part_and_no_stray_space(fields: TransactionFields) -> None:
    text = transaction_text(fields)
    assert text == text.strip()
    assert "\n" not in text
    for value in (fields.department, fields.memo, fields.spend_program_name, fields.trip_name):
        assert " ".join((value or "").split()) in text
    if fields.merchant_name.isalpha():
        assert text
