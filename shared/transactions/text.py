"""The text of a transaction: what the encoder reads."""

from dataclasses import dataclass
from decimal import Decimal

from shared.transactions.merchant import clean_merchant

# Goes into every dataset and model version: vectors of one text version are not compared with another's.
TEXT_VERSION = "1"


@dataclass(frozen=True)
class TransactionFields:
    """What is known of a transaction: `merchant_category` by name, `merchant_category_code` in ISO 18245."""

    merchant_name: str
    merchant_descriptor: str | None = None
    merchant_category: tuple[str, ...] = ()
    merchant_category_code: str | None = None
    department: str | None = None
    location: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    memo: str | None = None
    spend_program_name: str | None = None
    trip_name: str | None = None


def transaction_text(fields: TransactionFields) -> str:
    """The fields that tell a category, joined with ", ", empty ones left out; fixed within a version.

    In this order: merchant category names (or "MCC " and the code where there are no names), spend programme,
    trip, memo, merchant, raw descriptor (where it says something else than the merchant), department.
    Merchant and descriptor are cleaned. Location, amount and currency are left out.

    Chosen by cross-validation on the tech expenses data: values alone against "Merchant: ..." pairs have 0.2
    more recall@1 without fine-tuning and as much or more with it; amount and location lower it.
    """
    categories = [name for name in map(_tidy, fields.merchant_category) if name]
    code = _tidy(fields.merchant_category_code)
    merchant = clean_merchant(fields.merchant_name).strip()
    parts = [
        *(categories or ([f"MCC {code}"] if code else [])),
        _tidy(fields.spend_program_name),
        _tidy(fields.trip_name),
        _tidy(fields.memo),
        merchant,
        _descriptor(fields.merchant_descriptor, merchant),
        _tidy(fields.department),
    ]
    return ", ".join(part for part in parts if part)


def _tidy(text: str | None) -> str:
    return " ".join((text or "").split())


def _descriptor(raw: str | None, merchant: str) -> str:
    """The cleaned descriptor, or nothing where the merchant's name already says it."""
    cleaned = clean_merchant(raw).strip() if raw else ""
    return "" if cleaned.casefold() in merchant.casefold() else cleaned
