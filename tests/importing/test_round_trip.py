"""A dataset that was exported as CSV can be imported again."""

import uuid
from decimal import Decimal

import pytest

from shared.categories.frozen import FrozenCategory
from shared.datasets import exports
from shared.datasets.tables import DatasetItem
from shared.resources import Resources
from shared.transactions.fields import TransactionFields
from tests.importing.importer import Importer

ROWS = [
    TransactionFields("Lufthansa", amount=Decimal("-12.50"), currency="EUR"),
    TransactionFields(
        "Marriott",
        merchant_descriptor="MARRIOTT 0231 BERLIN",
        merchant_category=("Hotels", "Lodging"),
        merchant_category_code="7011",
        department="Sales",
        location="Berlin",
        amount=Decimal("420.00"),
        currency="EUR",
        memo='Two nights, "breakfast included"',
        spend_program_name="Travel",
        trip_name="Munich, May",
    ),
]


@pytest.fixture
def importer(resources: Resources) -> Importer:
    return Importer(resources)


def test_an_exported_dataset_can_be_imported(importer: Importer) -> None:
    category_id = importer.category("Travel", code="-4711")
    items = [
        DatasetItem(id=uuid.uuid4(), split="train", category_id=category_id, fields=fields.as_json())
        for fields in ROWS
    ]
    frozen = {str(category_id): FrozenCategory(name="Travel", code="-4711", text="Travel")}
    file = exports.header("csv") + "".join(exports.lines("csv", items, frozen, seed=0))
    mapping = {
        name: name for name in exports.COLUMNS if name not in {"split", "category_code", "category_name"}
    }
    result = importer.run(file, mapping=mapping | {"category": "category_code"})
    assert (result["created"], result["labelled"], result["errors"]) == (2, 2, [])
    stored = [TransactionFields.of_row(row) for row in importer.stored()]
    assert sorted(stored, key=lambda fields: fields.merchant_name) == ROWS
