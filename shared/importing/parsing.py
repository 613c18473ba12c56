"""Parses an uploaded file into records: CSV (RFC 4180) and JSON Lines, read as a stream."""

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Literal

from shared.importing.fields import ImportedTransaction, RowError, read_row
from shared.kit.errors import Invalid
from shared.kit.json_hooks import DuplicateKeyError, NonFiniteError, refuse_constant, unique_keys
from shared.kit.text import is_blank, is_storable
from shared.transactions.values import RECORD_FIELDS, Number, parse_values

MAX_LINE_BYTES = 1024 * 1024
DELIMITERS = (",", ";", "\t")


class FileRefused(Invalid):
    code = "file-refused"
    message = "The file as a whole cannot be imported."


class _LineTooLong(Exception):
    """A physical line has more than `MAX_LINE_BYTES`."""


def records(
    stream: BinaryIO,
    format_: Literal["csv", "jsonl"],
    mapping: Mapping[str, str],
    defaults: Mapping[str, str],
) -> Iterator[tuple[int, ImportedTransaction | list[RowError]]]:
    """Each record with the 1-based physical line on which it starts; blank lines are left out.

    `mapping` is our field → the file's column or key; `defaults` is our field → the value of empty ones.
    Holds one record in memory, or the 128 KiB that an open quote may run on before it counts as broken; the
    lines after the one that opened it are then read again.

    Raises:
        FileRefused: the mapping does not fit the file, or the file is no text of this format at all.
    """
    _check_mapping(mapping, defaults)
    lines = _Lines(stream)
    raw_records = _csv_records(lines, mapping) if format_ == "csv" else _json_records(lines, mapping)
    for line, values in raw_records:
        if isinstance(values, RowError):
            yield line, [values]
        else:
            yield line, read_row(line, values, defaults)


def _check_mapping(mapping: Mapping[str, str], defaults: Mapping[str, str]) -> None:
    unknown = sorted({*mapping, *defaults} - set(RECORD_FIELDS))
    if unknown:
        raise FileRefused(f"No such field: {', '.join(unknown)}. The fields are {', '.join(RECORD_FIELDS)}.")
    if "merchant_name" not in {*mapping, *defaults}:
        raise FileRefused("Map 'merchant_name' to the column that names the merchant.")
    for name, error in parse_values(defaults)[1].items():
        raise FileRefused(f"The default of '{name}' does not fit: {error.message}")


class _Lines:
    """Physical lines, with those of the current record, so that a broken record can be read again."""

    def __init__(self, stream: BinaryIO) -> None:
        self.record: list[str | None] = []
        self._stream = stream
        self._ahead: deque[str | None] = deque()
        self._before = 0
        self._is_first = True

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read()
        self.record.append(line)
        if line is None:
            raise _LineTooLong
        return line

    def begin(self) -> int:
        """Start a new record and return the number of its first line."""
        self._before += len(self.record)
        self.record = []
        return self._before + 1

    def put_back(self, *, keep: int) -> None:
        """Keep only the first `keep` lines in the current record; the others will be read again."""
        self._ahead.extendleft(reversed(self.record[keep:]))
        del self.record[keep:]

    def _read(self) -> str | None:
        """The next line, or None for one that is too long; what is not UTF-8 becomes lone surrogates."""
        raw = self._stream.readline(MAX_LINE_BYTES + 1)
        if self._is_first:
            self._is_first = False
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise FileRefused("The file is in UTF-16. Save it as UTF-8 and upload it again.")
            raw = raw.removeprefix(codecs.BOM_UTF8) or b"\n" * bool(raw)
        if not raw:
            raise StopIteration
        if len(raw) > MAX_LINE_BYTES:
            while raw and not raw.endswith(b"\n"):
                raw = self._stream.readline(MAX_LINE_BYTES)
            return None
        return raw.decode("utf-8", "surrogateescape")


def _csv_records(
    lines: _Lines, mapping: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    delimiter, header = _read_header(lines, mapping)
    columns = {name: header.index(column.strip()) for name, column in mapping.items()}
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _LineTooLong) as error:
            row_error = _broken(line, error, is_open=len(lines.record) > 1)
            lines.put_back(keep=1)
            yield line, row_error
            continue
        if len(cells) <= 1 and all(map(is_blank, cells)):
            continue
        if len(cells) == len(header):
            yield line, {name: cells[position] for name, position in columns.items()}
            continue
        if len(lines.record) > 1 and _fits(lines.record[1], delimiter, len(header)):
            lines.put_back(keep=1)  # a record of its own, which a stray quote had swallowed
        message = f"Has {len(cells)} columns where the header has {len(header)}."
        yield line, RowError(line, None, "columns", message)


def _broken(line: int, error: Exception, *, is_open: bool) -> RowError:
    if isinstance(error, csv.Error) and (is_open or "field larger" not in str(error)):
        if "new-line character" in str(error):
            return RowError(line, None, "carriage-return", "Has a carriage return outside of quotes.")
        message = "A quote is not closed, or text follows a closing quote; write a quote inside quotes twice."
        return RowError(line, None, "broken-quote", message)
    return RowError(line, None, "too-long", "The line or one of its columns is longer than an import reads.")


def _fits(line: str | None, delimiter: str, columns: int) -> bool:
    try:
        return line is not None and len(next(csv.reader([line], delimiter=delimiter, strict=True))) == columns
    except csv.Error:
        return False


def _read_header(lines: _Lines, mapping: Mapping[str, str]) -> tuple[str, list[str]]:
    """The delimiter under which most mapped columns are found, and the names of all columns."""
    wanted = {column.strip() for column in mapping.values()}
    candidates = []
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
        except StopIteration:
            raise FileRefused("The file is empty. Upload one with a header and rows.") from None
        except (csv.Error, _LineTooLong):
            cells = []
        names = [cell.strip() for cell in cells]
        candidates.append((len(wanted & set(names)), len(names), len(lines.record), delimiter, names))
        lines.put_back(keep=0)
    _, _, size, delimiter, names = max(candidates, key=lambda candidate: candidate[:2])
    if not any(names):
        raise FileRefused("The first line is no header. Put the names of the columns there.")
    if not all(map(is_storable, names)):
        raise FileRefused("The header is not UTF-8 text. Save the file as UTF-8 and upload it again.")
    absent = sorted(wanted - set(names))
    if absent:
        raise FileRefused(f"The header has no column {_quoted(absent)}. It must name every mapped column.")
    twice = sorted(column for column in wanted if names.count(column) > 1)
    if twice:
        raise FileRefused(f"The header has more than one column {_quoted(twice)}. Rename all but one.")
    for _ in range(size):
        next(lines)
    return delimiter, names


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _json_records(
    lines: _Lines, mapping: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    is_empty = True
    while True:
        line = lines.begin()
        try:
            text = next(lines)
        except StopIteration:
            break
        except _LineTooLong as error:
            is_empty = False
            yield line, _broken(line, error, is_open=False)
            continue
        if not text.isspace():
            is_empty = False
            yield line, _read_object(line, text, mapping)
    if is_empty:
        raise FileRefused("The file is empty. Upload one with a JSON object on each line.")


def _read_object(line: int, text: str, mapping: Mapping[str, str]) -> dict[str, Any] | RowError:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return RowError(line, None, "bad-text", "Has bytes that are not UTF-8 text.")
    try:
        value = _DECODER.decode(text)
    except DuplicateKeyError:
        return RowError(line, None, "duplicate-key", "An object has the same key twice.")
    except NonFiniteError:
        return RowError(line, None, "not-json", "NaN and Infinity are no JSON numbers.")
    except (ValueError, RecursionError):
        return RowError(line, None, "not-json", "Is not valid JSON. Each line is one whole object.")
    if not isinstance(value, dict):
        return RowError(line, None, "not-an-object", "Must be a JSON object.")
    return {name: value.get(key) for name, key in mapping.items()}


_DECODER = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_float=Number, parse_int=Number, parse_constant=refuse_constant
)
