"""Amounts and currencies: what counts as money (ISO 4217)."""

import re
from decimal import Decimal

# ISO 4217, list one, by the number of decimals of the minor unit. Metals, funds units and test codes, which
# nobody is charged in, are left out.
_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR "
    "RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD "
    "TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_UNITS = {code: places for places, codes in _CODES.items() for code in codes.split()}
MAX_INTEGER_DIGITS = 14  # the column is numeric(18, 4)

_AMOUNT = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,20})?")


class BadAmount(ValueError):
    """The text or number is no amount of money; `code` is a slug, the message a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def is_currency(code: str) -> bool:
    """Whether the code is a currency of ISO 4217, in capitals."""
    return code in MINOR_UNITS


def minor_units(currency: str | None) -> int:
    """Decimals of the currency's amounts; two where it is not known."""
    return MINOR_UNITS.get(currency or "", 2)


def parse_amount(text: str) -> Decimal:
    """The amount that the text writes out: digits, a point, digits; a refund has a minus sign.

    Raises:
        BadAmount: anything else, such as an exponent, a thousands separator or more than 14 integer digits.
    """
    if not _AMOUNT.fullmatch(text):
        message = "Write the amount as digits with a decimal point, such as -1234.50, below 10^14."
        raise BadAmount("amount", message)
    return Decimal(text)


def check_amount(amount: Decimal, currency: str | None) -> Decimal:
    """The amount, which must be finite, fit the column and have no finer unit than the currency.

    Raises:
        BadAmount: it does not; the message says why.
    """
    if not amount.is_finite() or amount.adjusted() >= MAX_INTEGER_DIGITS:
        raise BadAmount("amount", "The amount must be a finite number below 10^14.")
    places = minor_units(currency)
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -places:
        raise BadAmount(
            "amount-decimals", f"An amount in {currency or 'this currency'} has {places} decimals."
        )
    return amount


def format_amount(amount: Decimal, currency: str | None) -> str:
    """The amount with the currency's number of decimals."""
    places = minor_units(currency)
    exponent = amount.normalize().as_tuple().exponent
    return f"{amount:.{max(places, -exponent if isinstance(exponent, int) else 0)}f}"
