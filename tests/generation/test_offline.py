"""The bundled sample: reproducible, honest about its noise, and not solvable from the merchant alone."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from shared.generation.offline import Sample, SampleTransaction, generate, write_folder
from shared.generation.reference import load

# ISO 4217: the currencies whose amounts have no decimal places; all others in the sample have two.
NO_MINOR_UNIT = {"JPY", "KRW"}


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(1)


def right_category(sample: Sample, row: SampleTransaction) -> str:
    return sample.mislabelled.get(row.external_id, row.category)


def test_the_same_seed_gives_the_same_sample(sample: Sample) -> None:
    assert generate(1) == sample


def test_another_seed_gives_other_transactions(sample: Sample) -> None:
    other = generate(2)
    assert other.categories == sample.categories
    assert len(set(other.transactions) & set(sample.transactions)) == 0


def test_a_known_row_stays_as_it_was(sample: Sample) -> None:
    row = sample.transactions[0]
    assert (row.external_id, row.merchant_name, row.location, row.category) == (
        "sample-0001",
        "Shell",
        "London, United Kingdom",
        "Travel Meals",
    )


def test_has_enough_transactions_and_categories(sample: Sample) -> None:
    assert len(sample.transactions) == 480
    assert 28 <= len(sample.categories) <= 32
    assert len({category.code for category in sample.categories}) == len(sample.categories)
    assert len({row.external_id for row in sample.transactions}) == 480


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_category_has_at_least_twelve_rows(seed: int) -> None:
    rows = generate(seed).transactions
    counts = Counter(row.category for row in rows)
    assert counts.keys() == {category.name for category in load().categories}
    assert min(counts.values()) >= 12


@pytest.mark.parametrize(
    ("total", "noise", "wrong"), [(480, 0.02, 10), (480, 0.0, 0), (200, 0.1, 20), (32, 1.0, 32)]
)
def test_exactly_the_stated_share_of_labels_is_wrong(total: int, noise: float, wrong: int) -> None:
    sample = generate(5, total, noise)
    clean = generate(5, total, 0.0)
    differing = {
        noisy.external_id: right.category
        for noisy, right in zip(sample.transactions, clean.transactions, strict=True)
        if noisy != right
    }
    assert len(differing) == wrong
    assert sample.mislabelled == differing
    assert sample.label_noise == noise


def test_a_small_sample_still_has_every_category() -> None:
    assert len({row.category for row in generate(4, 32, 0.0).transactions}) == 32


@pytest.mark.parametrize(("total", "noise"), [(31, 0.0), (480, -0.1), (480, 1.1)])
def test_refuses_what_cannot_be_made(total: int, noise: float) -> None:
    with pytest.raises(ValueError, match=r"at least 32|between 0 and 1"):
        generate(1, total, noise)


def test_codes_are_four_digits_and_named(sample: Sample) -> None:
    for row in sample.transactions:
        assert len(row.merchant_category_code) == 4
        assert row.merchant_category_code.isdigit()
        assert len(row.merchant_category) == 2
        assert all(row.merchant_category)


def test_amounts_have_the_minor_units_of_their_currency(sample: Sample) -> None:
    for row in sample.transactions:
        places = 0 if row.currency in NO_MINOR_UNIT else 2
        assert row.amount.as_tuple().exponent == -places
        assert row.amount != 0
    assert {row.currency for row in sample.transactions} & NO_MINOR_UNIT
    assert any(row.amount < 0 for row in sample.transactions)


def test_descriptors_fit_the_card_networks_field(sample: Sample) -> None:
    for row in sample.transactions:
        assert 0 < len(row.merchant_descriptor) <= 25
        assert row.merchant_descriptor.isascii()
        assert row.merchant_descriptor == row.merchant_descriptor.upper().strip()


def test_money_is_spent_where_the_trip_leads(sample: Sample) -> None:
    trips = {trip.name: trip for purpose in load().purposes for trip in purpose.trips if trip is not None}
    on_trips = [row for row in sample.transactions if row.trip_name is not None]
    assert len(on_trips) > 50
    for row in on_trips:
        assert trips[row.trip_name or ""].place.name == row.location
        assert 0 <= (row.occurred_on - trips[row.trip_name or ""].starts_on).days < 7
    assert {row.occurred_on.year for row in sample.transactions} == {2025}


def test_every_purpose_has_a_merchant_wherever_it_leads() -> None:
    for purpose in load().purposes:
        for trip in purpose.trips:
            places = load().offices if trip is None else (trip.place,)
            assert any(merchant.sells_in(place) for merchant in purpose.merchants for place in places)


def test_people_never_write_the_category(sample: Sample) -> None:
    """Programmes, trips and memos name no category and no merchant."""
    for row in sample.transactions:
        written = " | ".join((row.spend_program_name, row.trip_name or "", row.memo or "")).casefold()
        assert row.merchant_name.casefold() not in written
        assert not [category.name for category in sample.categories if category.name.casefold() in written]


def test_few_rows_carry_their_category_in_a_name(sample: Sample) -> None:
    """At most a tenth: where ISO 18245 itself says "Insurance Sales" or "Advertising Services"."""
    telling = [
        row
        for row in sample.transactions
        if right_category(sample, row).casefold()
        in " | ".join((row.merchant_name, *row.merchant_category)).casefold()
    ]
    assert len(telling) / len(sample.transactions) <= 0.1


def test_memos_are_rare(sample: Sample) -> None:
    assert 0 < sum(row.memo is not None for row in sample.transactions) < 0.1 * len(sample.transactions)


@pytest.mark.parametrize(
    "field", ["merchant_name", "spend_program_name", "department", "merchant_category_code"]
)
def test_no_single_field_gives_the_category(sample: Sample, field: str) -> None:
    """The best guess from one field alone, knowing all labels, still errs on a fifth of the rows or more."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for row in sample.transactions:
        seen[getattr(row, field)][right_category(sample, row)] += 1
    best = sum(counts.most_common(1)[0][1] for counts in seen.values())
    assert best / len(sample.transactions) <= 0.8


def test_the_folder_says_the_same(sample: Sample, tmp_path: Path) -> None:
    write_folder(sample, tmp_path / "new" / "folder")
    categories = json.loads((tmp_path / "new/folder/categories.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "new/folder/transactions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]
    assert [c["category"] for c in categories] == [c.name for c in sample.categories]
    assert all(
        c["sample_transactions"] and c["departments"] and c["code"] and c["description"] for c in categories
    )
    assert [record["amount"] for record in records] == [row.amount for row in sample.transactions]
    assert [record["expense_category"] for record in records] == [row.category for row in sample.transactions]
    assert [record["occurred_on"] for record in records] == [
        row.occurred_on.isoformat() for row in sample.transactions
    ]
    for record, row in zip(records, sample.transactions, strict=True):
        assert record.keys() == EXPECTED_KEYS
        assert record["merchant_category"] == list(row.merchant_category)
        assert ("." in str(record["amount"])) == (row.currency not in NO_MINOR_UNIT)


def test_writing_twice_writes_the_same_bytes(sample: Sample, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_folder(generate(1) if folder == "b" else sample, tmp_path / folder)
    for name in ("categories.json", "transactions.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


EXPECTED_KEYS = {
    "external_id",
    "merchant_name",
    "merchant_descriptor",
    "merchant_category",
    "merchant_category_code",
    "department",
    "location",
    "amount",
    "currency",
    "memo",
    "spend_program_name",
    "trip_name",
    "occurred_on",
    "expense_category",
}
