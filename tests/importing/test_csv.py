"""CSV files in every state: what is read, what is reported, and on which line."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest

from shared.importing.fields import ImportedTransaction
from shared.importing.parsing import FileRefused
from shared.transactions.values import RECORD_FIELDS
from tests.importing.reading import HEADER, MAPPING, outcome, parse


def test_every_field_of_a_csv() -> None:
    mapping = {name: name for name in RECORD_FIELDS}
    cells = ["1", " Lufthansa ", "LH 22", "Airlines| Travel;", "3008", "Sales", "Berlin", "-412.90", "EUR"]
    cells += ["Visit", "Travel", "Munich", "2026-05-12", "6210"]
    file = io.StringIO()
    csv.writer(file).writerows([mapping, cells])
    [(line, row)] = parse(file.getvalue().encode(), mapping=mapping)
    assert line == 2
    assert isinstance(row, ImportedTransaction)
    assert (row.external_id, row.occurred_on, row.category) == ("1", dt.date(2026, 5, 12), "6210")
    assert (row.fields.merchant_name, row.fields.merchant_category) == ("Lufthansa", ("Airlines", "Travel"))
    assert (row.fields.amount, row.fields.currency, row.fields.trip_name) == (
        Decimal("-412.90"),
        "EUR",
        "Munich",
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiter_bom_and_line_ends_are_recognised(delimiter: str, bom: bytes, newline: str) -> None:
    rows = [["id", "merchant", "total", "note"], ["1", "A, B; C\tD", "1.50", ""], ["2", "E", "", "x"]]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=newline).writerows(rows)
    assert outcome(bom + file.getvalue().encode()) == [(2, "1"), (3, "2")]


def test_lines_are_physical_and_blank_ones_are_skipped() -> None:
    content = HEADER + b'1,A,1,"two\nlines"\n\n   \n2,B,x,\n"3","C\r\n\r\nD",1,\n4,,1,\n5,E,1,""\n'
    assert outcome(content) == [
        (2, "1"),
        (6, "amount", "amount"),
        (7, "3"),
        (10, "merchant_name", "missing"),
        (11, "5"),
    ]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (b'2,"B,1,x', "broken-quote"),
        (b'2,"B"b,1,x', "broken-quote"),
        (b'2,B,1,"', "broken-quote"),
        (b"2,B,1", "columns"),
        (b"2,B,1,x,y", "columns"),
        (b"2,B\rC,1,x", "carriage-return"),
        (b"2,B,1," + b"x" * 200_000, "too-long"),
        (b"2,B,1," + b"x" * 2_000_000, "too-long"),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize(
    "after",
    [b"3,C,1,\n4,D,1,\n", b'3,C,1,"note"\n4,"D, E",1,\n', b'3,C,1,\n4,D,1,"a\nb"\n', b"3,C,1,\n4,D,1,"],
)
def test_a_broken_record_takes_no_other_with_it(broken: bytes, code: str, after: bytes) -> None:
    content = HEADER + b"1,A,1,\n" + broken + b"\n" + after
    assert outcome(content) == [(2, "1"), (3, None, code), (4, "3"), (5, "4")]


def test_an_open_quote_in_a_large_file_costs_one_row() -> None:
    rows = [f"{number},Merchant {number},1,note\n".encode() for number in range(20_000)]
    rows[100] = b'100,"Merchant,1,note\n'
    rows_read = outcome(HEADER + b"".join(rows))
    assert [row for row in rows_read if len(row) == 3] == [(102, None, "broken-quote")]
    assert len(rows_read) == 20_000


@pytest.mark.parametrize(
    ("cells", "field", "code"),
    [
        (b"2,B\x00,1,", "merchant_name", "bad-text"),
        (b"2,\x00,1,", "merchant_name", "bad-text"),
        (b"2,Caf\xe9,1,", "merchant_name", "bad-text"),
        (b"2," + b"x" * 501 + b",1,", "merchant_name", "too-long"),
        (b"2,\xe2\x80\x8b,1,", "merchant_name", "missing"),
        (b'2,B,"7,654.50",', "amount", "amount"),
        (b"2,B,1e3,", "amount", "amount"),
        (b"2,B,NaN,", "amount", "amount"),
        (b"2,B,1.234,", "amount", "amount-decimals"),
        (b"2,B,1," + b"x" * 5001, "memo", "too-long"),
        (b"x" * 201 + b",B,1,", "external_id", "too-long"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_value_is_named_and_never_echoed(cells: bytes, field: str, code: str) -> None:
    [(line, errors)] = parse(HEADER + cells + b"\n")
    assert isinstance(errors, list)
    assert [(error.line, error.field, error.code) for error in errors] == [(2, field, code)]
    assert line == 2
    assert "654" not in errors[0].message
    assert "Caf" not in errors[0].message


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("currency", "eur", "currency"),
        ("merchant_category_code", "742", "merchant-category-code"),
        ("occurred_on", "12.05.2026", "date"),
        ("occurred_on", "2026-02-30", "date"),
        ("occurred_on", "2026-W01-1", "date"),
        ("merchant_category", "a|" * 21, "too-many"),
        ("department", "x" * 201, "too-long"),
    ],
)
def test_the_limits_of_the_other_fields(field: str, value: str, code: str) -> None:
    content = f"m,{field}\nA,{value}\n".encode()
    assert outcome(content, mapping={"merchant_name": "m", field: field}) == [(2, field, code)]


def test_a_default_stands_in_for_what_is_empty() -> None:
    content = b"m,c\nA,\nB,USD\n"
    rows = parse(
        content,
        mapping={"merchant_name": "m", "currency": "c"},
        defaults={"currency": "EUR", "location": "X"},
    )
    fields = [row.fields for _, row in rows if isinstance(row, ImportedTransaction)]
    assert [(row_fields.currency, row_fields.location) for row_fields in fields] == [
        ("EUR", "X"),
        ("USD", "X"),
    ]


@pytest.mark.parametrize(
    ("content", "mapping", "defaults", "says"),
    [
        (b"", MAPPING, {}, "empty"),
        (b"\n\n", MAPPING, {}, "no header"),
        (b"id,merchant\n1,A\n", MAPPING, {}, "'note', 'total'"),
        (b"m,m\nA,B\n", {"merchant_name": "m"}, {}, "more than one"),
        ("m\nA\n".encode("utf-16"), {"merchant_name": "m"}, {}, "UTF-16"),
        (b"m,\xe9\nA,B\n", {"merchant_name": "m"}, {}, "not UTF-8"),
        (b"m\nA\n", {"merchant_name": "m", "colour": "c"}, {}, "colour"),
        (b"m\nA\n", {"memo": "m"}, {}, "merchant_name"),
        (b"m\nA\n", {"merchant_name": "m"}, {"currency": "euro"}, "ISO 4217"),
        (b"m" * 2_000_000, {"merchant_name": "m"}, {}, "no header"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_fits_nothing_is_refused_with_advice(
    content: bytes, mapping: dict[str, str], defaults: dict[str, str], says: str
) -> None:
    with pytest.raises(FileRefused) as caught:
        parse(content, mapping=mapping, defaults=defaults)
    assert says in caught.value.message
