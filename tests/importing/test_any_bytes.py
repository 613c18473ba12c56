"""Whatever the bytes: nothing unforeseen is raised, and lines are right."""

import csv
import io
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from shared.importing.parsing import FileRefused
from tests.importing.reading import outcome, parse

_pieces = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b"1", b"\x00", b"\xff", b"{", b"}", b":", b";", b"\\"]
    )
    | st.binary(max_size=5),
    max_size=60,
).map(b"".join)


@given(
    _pieces, st.sampled_from([b"", b"m,n\n", b'"m";n\n', b'{"m": "x"}\n']), st.sampled_from(["csv", "jsonl"])
)
def test_no_bytes_make_it_raise_and_lines_only_grow(
    content: bytes, start: bytes, format_: Literal["csv", "jsonl"]
) -> None:
    try:
        results = parse(start + content, format_, {"merchant_name": "m"})
    except FileRefused:
        return
    lines = [line for line, _ in results]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= (start + content).count(b"\n") + 1 for line in lines)


_cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@given(st.lists(st.tuples(_cells, _cells), max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read_back_on_its_line(rows: list[tuple[str, str]], end: str) -> None:
    expected, line = [], 2
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["n", "x"])
    for number, row in enumerate(rows):
        writer.writerow([f"{number}", "".join(row)])
        expected.append((line, f"{number}"))
        line += 1 + "".join(row).count("\n")
    parsed = outcome(file.getvalue().encode(), mapping={"external_id": "n", "merchant_name": "n"})
    assert parsed == expected
