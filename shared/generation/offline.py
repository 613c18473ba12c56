"""The bundled sample: ambiguous card transactions of an invented company at real merchants, without an LLM.

A merchant alone does not give the category. A hotel is lodging, a conference room, a dinner with a customer
or a new colleague's first month; only department, spend programme, trip, amount and merchant category code
together tell which. A stated share of the labels is wrong, as people's are.
"""

import json
import random
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path

from shared.generation.reference import Currency, Merchant, Place, Purpose, SampleCategory, Trip, load

FIRST_DAY = date(2025, 1, 1)
DAYS = 365
TRIP_DAYS = 6
LEAST_PER_CATEGORY = 13  # as far as the number of transactions allows
MEMO_SHARE = 0.06
REFUND_SHARE = 0.02
_REFERENCE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class SampleTransaction:
    """A card transaction and the name of the category it is filed under.

    `merchant_descriptor` is the name part of the card acceptor field of ISO 8583 (43, positions 1 to 25), as
    card networks print it. `amount` has the minor units of `currency`; a refund is negative.
    """

    external_id: str
    merchant_name: str
    merchant_descriptor: str
    merchant_category: tuple[str, ...]
    merchant_category_code: str
    department: str
    location: str
    amount: Decimal
    currency: str
    memo: str | None
    spend_program_name: str
    trip_name: str | None
    occurred_on: date
    category: str


@dataclass(frozen=True)
class Sample:
    """A chart of accounts and its transactions; `mislabelled` maps ids of wrong labels to the right ones."""

    seed: int
    label_noise: float
    categories: tuple[SampleCategory, ...]
    transactions: tuple[SampleTransaction, ...]
    mislabelled: dict[str, str]


def generate(seed: int, transactions: int = 480, label_noise: float = 0.02) -> Sample:
    """Make a sample; the same arguments give the same sample on every machine.

    Args:
        seed: of the only random generator used.
        transactions: how many, at least one for each category.
        label_noise: the share of wrong labels; exactly round(label_noise * transactions) are wrong.

    Raises:
        ValueError: too few transactions, or a share outside 0 to 1.
    """
    reference = load()
    if transactions < len(reference.categories):
        raise ValueError(f"A sample needs at least {len(reference.categories)} transactions, one a category.")
    if not 0 <= label_noise <= 1:
        raise ValueError("label_noise is a share between 0 and 1.")
    rng = random.Random(seed)  # noqa: S311 - a reproducible sample, not a secret
    planned = [
        purpose
        for category, count in _quotas(transactions).items()
        for purpose in _spread([p for p in reference.purposes if p.category == category], count, rng)
    ]
    rng.shuffle(planned)
    rows = [_transaction(f"sample-{n:04d}", purpose, rng) for n, purpose in enumerate(planned, start=1)]
    rows, mislabelled = _mislabel(rows, round(label_noise * transactions), rng)
    return Sample(seed, label_noise, reference.categories, tuple(rows), mislabelled)


def write_folder(sample: Sample, folder: Path) -> None:
    """Write `categories.json` and `transactions.jsonl` (UTF-8) into the folder, made when absent."""
    folder.mkdir(parents=True, exist_ok=True)
    categories = [
        {
            "category": category.name,
            "sample_transactions": list(category.examples),
            "departments": list(category.departments),
            "code": category.code,
            "description": category.description,
        }
        for category in sample.categories
    ]
    text = json.dumps(categories, ensure_ascii=False, indent=1)
    (folder / "categories.json").write_text(text + "\n", encoding="utf-8")
    lines = [json.dumps(_record(row), ensure_ascii=False) for row in sample.transactions]
    (folder / "transactions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _record(row: SampleTransaction) -> dict[str, object]:
    record = asdict(row)
    record["expense_category"] = record.pop("category")
    record["occurred_on"] = row.occurred_on.isoformat()
    # A yen amount must not turn into 1200.0: the currency has no decimal place to show.
    record["amount"] = int(row.amount) if row.amount.as_tuple().exponent == 0 else float(row.amount)
    return record


def _quotas(total: int) -> dict[str, int]:
    """Rows a category: the least for each, the rest by the weight of its purposes (largest remainder)."""
    weights: Counter[str] = Counter()
    for purpose in load().purposes:
        weights[purpose.category] += purpose.weight
    least = min(LEAST_PER_CATEGORY, total // len(weights))
    rest, weight = total - least * len(weights), sum(weights.values())
    quotas = {name: least + rest * own // weight for name, own in weights.items()}
    by_remainder = sorted(weights, key=lambda name: -(rest * weights[name] % weight))
    for name in by_remainder[: total - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _spread(purposes: Sequence[Purpose], count: int, rng: random.Random) -> Iterator[Purpose]:
    """`count` purposes in proportion to their weights, so that none is missed in a small sample."""
    deck = [purpose for purpose in purposes for _ in range(purpose.weight)]
    rng.shuffle(deck)
    return islice(cycle(deck), count)


def _transaction(external_id: str, purpose: Purpose, rng: random.Random) -> SampleTransaction:
    trip, merchant, place = _occasion(purpose, rng)
    chosen_memo = rng.choice(purpose.memos) if purpose.memos and rng.random() < MEMO_SHARE else None
    return SampleTransaction(
        external_id=external_id,
        merchant_name=merchant.name,
        merchant_descriptor=_descriptor(merchant, place, rng),
        merchant_category=merchant.category,
        merchant_category_code=merchant.code,
        department=rng.choice(purpose.departments),
        location=place.name,
        amount=_amount(purpose.usd, place.currency, rng),
        currency=place.currency.code,
        memo=chosen_memo,
        spend_program_name=rng.choice(purpose.spend_programs),
        trip_name=None if trip is None else trip.name,
        occurred_on=_day(trip, rng),
        category=purpose.category,
    )


def _occasion(purpose: Purpose, rng: random.Random) -> tuple[Trip | None, Merchant, Place]:
    """Trip, merchant and place that go together: money is spent where the trip leads, else at an office."""
    trip = rng.choice(purpose.trips)
    offices = load().offices
    places = offices if trip is None else (trip.place,)
    merchant = rng.choice([m for m in purpose.merchants if any(m.sells_in(place) for place in places)])
    return trip, merchant, rng.choice([place for place in places if merchant.sells_in(place)])


def _day(trip: Trip | None, rng: random.Random) -> date:
    if trip is not None:
        return trip.starts_on + timedelta(days=rng.randrange(TRIP_DAYS))
    return FIRST_DAY + timedelta(days=rng.randrange(DAYS))


def _descriptor(merchant: Merchant, place: Place, rng: random.Random) -> str:
    city = place.name.split(",")[0]
    reference = "".join(rng.choices(_REFERENCE_ALPHABET, k=7))
    name = merchant.descriptor.format(ref=reference, num=f"{rng.randrange(1, 10_000):04d}", city=city)
    return _plain(name)[:25].rstrip()


def _plain(text: str) -> str:
    """Upper case without accents, as card networks carry it."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()


def _amount(usd: tuple[float, float], currency: Currency, rng: random.Random) -> Decimal:
    """Log-uniform between the bounds, in the local currency, sometimes round, sometimes refunded."""
    low, high = usd
    value = low * (high / low) ** rng.random() * currency.per_usd
    if rng.random() < 0.3:
        value = max(1.0, float(f"{value:.2g}"))
    amount = Decimal(f"{value:.{currency.minor_units}f}")
    return -amount if rng.random() < REFUND_SHARE else amount


def _mislabel(
    rows: Sequence[SampleTransaction], count: int, rng: random.Random
) -> tuple[list[SampleTransaction], dict[str, str]]:
    """File `count` rows under another category, if possible one of the same merchant or programme."""
    likely: dict[str, set[str]] = {}
    for purpose in load().purposes:
        for name in (*(merchant.name for merchant in purpose.merchants), *purpose.spend_programs):
            likely.setdefault(name, set()).add(purpose.category)
    everything = {category.name for category in load().categories}
    changed, truth = list(rows), {}
    for position in sorted(rng.sample(range(len(changed)), count)):
        row = changed[position]
        others = (likely[row.merchant_name] | likely[row.spend_program_name]) - {row.category}
        wrong = rng.choice(sorted(others or everything - {row.category}))
        changed[position] = replace(row, category=wrong)
        truth[row.external_id] = row.category
    return changed, truth
