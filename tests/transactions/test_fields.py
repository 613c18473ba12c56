"""Whatever shows or takes a transaction has exactly the fields that are declared."""

import datetime as dt
import re
import uuid

import pytest
from jinja2 import ChainableUndefined
from pydantic import BaseModel

from api.console import rendering
from api.schemas.candidates import CandidateOut
from api.schemas.review import CandidateChanges
from api.schemas.transactions import TransactionFieldsIn, TransactionIn, TransactionOut
from cli import demo_data
from shared.candidates.tables import Candidate
from shared.datasets import exports
from shared.generation import row_sources
from shared.generation.offline import generate
from shared.generation.rows import GeneratedTransaction
from shared.transactions.fields import DROPOUT_FIELDS, FIELDS, TEXT_FIELDS, TransactionFields
from shared.transactions.tables import Transaction
from shared.transactions.text import transaction_text
from shared.transactions.values import RECORD_FIELDS, parse_values

ROW = {"id", "created_at", "organization_id"}


@pytest.mark.parametrize(
    ("surface", "more"),
    [
        (TransactionFieldsIn, set[str]()),
        (TransactionIn, {"external_id", "occurred_on"}),
        (
            TransactionOut,
            {"id", "external_id", "occurred_on", "source", "created_at", "updated_at", "label"},
        ),
        (CandidateChanges, {"occurred_on", "category_id", "paraphrase"}),
        (GeneratedTransaction, {"category", "occurred_on"}),
    ],
)
def test_models_have_the_declared_fields(surface: type[BaseModel], more: set[str]) -> None:
    assert surface.model_fields.keys() == {*FIELDS, *more}


def test_rows_have_the_declared_fields() -> None:
    columns = set(Transaction.__table__.columns.keys())
    assert columns == {*FIELDS, *ROW, "external_id", "occurred_on", "source", "updated_at"}
    assert set(Candidate.__table__.columns.keys()) >= {*FIELDS, "occurred_on"}
    assert CandidateOut.model_fields.keys() - Candidate.__table__.columns.keys() == {"category"}
    for name in FIELDS:
        assert Transaction.__table__.columns[name].type.python_type is not None
        assert Candidate.__table__.columns[name].nullable or name == "merchant_category"


def test_files_have_the_declared_fields() -> None:
    assert set(RECORD_FIELDS) == {*FIELDS, "external_id", "occurred_on", "category"}
    assert set(exports.COLUMNS) == {*FIELDS, "split", "category_code", "category_name"}
    assert set(demo_data.COLUMNS) == set(RECORD_FIELDS)
    [row] = generate(1, transactions=40).transactions[:1]
    assert row_sources._as_row(row, "key").keys() == {*FIELDS, "category", "occurred_on"}


def test_pages_have_the_declared_fields() -> None:
    pages = rendering._templates.overlay(undefined=ChainableUndefined)
    for template, pattern in (("label.html", r'data-shown="(\w+)"'), ("review.html", r'name="(\w+)"')):
        names = set(re.findall(pattern, pages.get_template(template).render()))
        assert names >= {*FIELDS} - {"merchant_name", "amount", "currency"}, template


def test_text_and_dropout_are_of_the_same_fields() -> None:
    assert sorted(TEXT_FIELDS) == sorted(DROPOUT_FIELDS)
    assert set(FIELDS) - set(TEXT_FIELDS) == {"location", "currency"}
    for key in ("text_order", "dropout_order"):
        places = [place for spec in FIELDS.values() if (place := getattr(spec, key)) is not None]
        assert sorted(places) == list(range(len(places))), key
    empty = TransactionFields(merchant_name="")
    for name in set(TEXT_FIELDS) - {"amount"}:
        assert transaction_text(_with(empty, name)), name


def _with(fields: TransactionFields, name: str) -> TransactionFields:
    parsed, wrong = parse_values({name: FIELDS[name].example})
    assert not wrong
    return TransactionFields(**vars(fields) | parsed)


def test_the_limits_of_the_api_hold_for_files() -> None:
    for name, spec in FIELDS.items():
        parsed, _ = parse_values({name: spec.example})
        taken = TransactionFieldsIn.model_validate(
            {"merchant_name": "M", "currency": "EUR", name: spec.example}
        )
        assert getattr(taken.fields(), name) == parsed[name], name
        if spec.max_length is not None:
            assert parse_values({name: "X" * (spec.max_length + 1)})[1].keys() == {name}
            with pytest.raises(ValueError, match=name):
                TransactionFieldsIn.model_validate({"merchant_name": "M", name: "X" * (spec.max_length + 1)})


def test_fields_survive_rows_and_json() -> None:
    parsed, _ = parse_values({name: spec.example for name, spec in FIELDS.items()})
    fields = TransactionFields(**parsed)
    assert TransactionFields.of_json(fields.as_json()) == fields
    row = Transaction(id=uuid.uuid4(), occurred_on=dt.date(2026, 5, 12), **fields.columns())
    assert TransactionFields.of_row(row) == fields
