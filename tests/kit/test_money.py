"""What counts as money."""

from decimal import Decimal

import pytest

from shared.kit.money import BadAmount, check_amount, format_amount, is_currency, minor_units, parse_amount


@pytest.mark.parametrize("text", ["0", "-0.10", "19.90", "99999999999999.9999", "100.00"])
def test_digits_with_a_point_are_an_amount(text: str) -> None:
    assert parse_amount(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1,234.50",
        "1e3",
        "1E+1000000",
        "NaN",
        "Infinity",
        "+1",
        "1.",
        ".5",
        "--1",
        "0x10",
        "١٢",
        "1" * 15,
    ],
)
def test_anything_else_is_not(text: str) -> None:
    with pytest.raises(BadAmount):
        parse_amount(text)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.10", "USD"), ("100.00", "JPY"), ("1.125", "KWD"), ("-3.5", None), ("99999999999999.99", "EUR")],
)
def test_an_amount_has_the_decimals_of_its_currency(amount: str, currency: str | None) -> None:
    assert check_amount(Decimal(amount), currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("1.101", "USD"),
        ("100.5", "JPY"),
        ("1.1255", "KWD"),
        ("0.001", None),
        ("NaN", "USD"),
        ("1E+14", "USD"),
    ],
)
def test_an_amount_has_no_finer_unit_and_a_bounded_size(amount: str, currency: str | None) -> None:
    with pytest.raises(BadAmount):
        check_amount(Decimal(amount), currency)


def test_currencies_are_those_of_iso_4217() -> None:
    assert is_currency("EUR")
    assert [code for code in ("eur", "XX", "XXX", "EURO", "") if is_currency(code)] == []
    assert [minor_units(code) for code in ("JPY", "USD", "BHD", "CLF", None)] == [0, 2, 3, 4, 2]


@pytest.mark.parametrize(
    ("stored", "currency", "shown"),
    [
        ("12.5000", "EUR", "12.50"),
        ("100.0000", "JPY", "100"),
        ("-1.1250", "KWD", "-1.125"),
        ("7.0000", None, "7.00"),
    ],
)
def test_amounts_are_shown_in_the_currencys_unit(stored: str, currency: str | None, shown: str) -> None:
    assert format_amount(Decimal(stored), currency) == shown
