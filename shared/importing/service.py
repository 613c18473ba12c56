"""Imports an uploaded file: its rows become transactions, their categories labels."""

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categories.tables import Category
from shared.importing.fields import ImportedTransaction, RowError
from shared.importing.parsing import FileRefused, records
from shared.jobs.kinds import ImportParams
from shared.jobs.run import Effects, Run
from shared.kit.ids import id_of_job
from shared.kit.pydantic_json import JSONModel
from shared.resources import Resources
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.service import NewTransaction, Stored

CHUNK_SIZE = 1000
MAX_REPORTED = 1000
MAX_CATEGORIES = 1000  # an import that maps the wrong column must not fill the chart with rubbish
_TRIES = 5

_Good = tuple[int, ImportedTransaction]


@dataclass
class Report:
    """The result of an import; `rows` = `created` + `updated` + `failed`."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    labelled: int = 0
    failed: int = 0
    errors: list[RowError] = field(default_factory=list)

    def refuse(self, errors: Iterable[RowError]) -> None:
        """Count a bad row, and keep its errors while there is room."""
        self.failed += 1
        self.errors.extend(errors)

    def add(self, other: "Report") -> None:
        """Add the report of another part of the file, its errors in the order of lines."""
        for name in ("rows", "created", "updated", "labelled", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors.extend(sorted(other.errors, key=lambda error: error.line))
        del self.errors[MAX_REPORTED + 1 :]  # one more than is reported tells that there are more

    def as_result(self) -> dict[str, Any]:
        """The report as a job row keeps it."""
        result = ImportResult(
            rows=self.rows,
            created=self.created,
            updated=self.updated,
            labelled=self.labelled,
            failed=self.failed,
            errors=tuple(self.errors[:MAX_REPORTED]),
            errors_truncated=len(self.errors) > MAX_REPORTED,
        )
        return result.model_dump(mode="json")


class ImportResult(JSONModel):
    """The result of a job of kind `import`."""

    rows: int = Field(description="`created` + `updated` + `failed`.")
    created: int
    updated: int
    labelled: int
    failed: int
    errors: tuple[RowError, ...] = Field(description="In the order of lines; at most 1,000.")
    errors_truncated: bool


class _Chart:
    """The live categories by code, then by name; the exact spelling goes before another case."""

    def __init__(self, live: Iterable[Category]) -> None:
        self.size = 0
        self._ids: dict[tuple[str, str], uuid.UUID] = {}
        for category in live:
            self.add(category)

    def add(self, category: Category) -> None:
        self.size += 1
        for kind, value in (("code", category.code), ("name", category.name)):
            if value is not None:
                self._ids.setdefault((kind, value), category.id)
                self._ids.setdefault((f"any case of {kind}", value.casefold()), category.id)

    def find(self, text: str) -> uuid.UUID | None:
        folded = text.casefold()
        for kind in ("code", "name"):
            category_id = self._ids.get((kind, text)) or self._ids.get((f"any case of {kind}", folded))
            if category_id is not None:
                return category_id
        return None


def import_rows(run: Run, params: ImportParams, resources: Resources) -> Effects:
    """Store the file's good rows, 1,000 in each short transaction, and report the bad ones by line.

    A row whose category the chart lacks is bad, unless `create_categories` adds it. A second attempt repeats
    the file and changes nothing twice: a row is known by its external_id, or else by the job and its line.
    A cancelled import keeps what it has stored. The upload stays where it is: a retry needs it.

    Raises:
        FileRefused: nothing of the file can be read; the message says what to do.
    """
    report = Report()
    try:
        stream = resources.artifacts.path(params.upload).open("rb")
    except FileNotFoundError as error:
        raise FileRefused("The uploaded file is gone. Upload it again.") from error
    with stream:
        size = os.fstat(stream.fileno()).st_size
        rows = records(stream, params.format, params.mapping, params.defaults)
        while chunk := list(islice(rows, CHUNK_SIZE)):
            report.add(_import_chunk(run, params, chunk))
            note = f"{report.rows:,} rows, {report.failed:,} bad"
            run.progress(stream.tell(), size, note)
    return lambda _: report.as_result()


def _import_chunk(
    run: Run, params: ImportParams, chunk: Sequence[tuple[int, ImportedTransaction | list[RowError]]]
) -> Report:
    """Store the chunk; retried where another import created one of the same categories meanwhile."""
    for attempt in range(1, _TRIES + 1):
        report, good = Report(rows=len(chunk)), list[_Good]()
        for line, row in chunk:
            if isinstance(row, ImportedTransaction):
                good.append((line, row))
            else:
                report.refuse(row)
        try:
            with run.transaction() as session:
                _store(session, run, params, good, report)
        except category_store.CategoryExists:
            if attempt == _TRIES:
                raise
        else:
            return report
    raise AssertionError("the last try returns or raises")


def _store(session: Session, run: Run, params: ImportParams, good: list[_Good], report: Report) -> None:
    decided: dict[int, uuid.UUID] = {}
    if any(row.category is not None for _, row in good):
        good, decided = _decide(session, run.organization_id, good, report, create=params.create_categories)
    rows = [
        NewTransaction(row.fields, row.external_id, row.occurred_on, id=id_of_job("import", run.job_id, line))
        for line, row in good
    ]
    stored = transactions.upsert(session, run.organization_id, rows, source="import")
    # Its own id says that this job made the row, in whichever attempt.
    created = sum(result.id == row.id for result, row in zip(stored, rows, strict=True))
    report.created, report.updated = created, len(rows) - created
    if decided:
        report.labelled = _label(session, run, good, stored, decided)


def _decide(
    session: Session, organization_id: uuid.UUID, good: list[_Good], report: Report, *, create: bool
) -> tuple[list[_Good], dict[int, uuid.UUID]]:
    """The rows that may stay, and the category by line of those that name one."""
    chart = _Chart(category_store.all_live(session, organization_id))
    if create:
        wanted: dict[str, str] = {}
        for _, row in good:
            if row.category is not None and chart.find(row.category) is None:
                wanted.setdefault(row.category.casefold(), row.category)
        new = list(wanted.values())
        for category in categories.create_many(
            session, organization_id, new[: max(0, MAX_CATEGORIES - chart.size)]
        ):
            chart.add(category)
    kept, decided = [], {}
    for line, row in good:
        category_id = None if row.category is None else chart.find(row.category)
        if category_id is not None:
            decided[line] = category_id
        elif row.category is not None:
            report.refuse([_unknown(line, is_full=create)])
            continue
        kept.append((line, row))
    return kept, decided


def _unknown(line: int, *, is_full: bool) -> RowError:
    if is_full:
        message = (
            f"An import adds no categories to a chart of {MAX_CATEGORIES:,}. Is the right column mapped?"
        )
        return RowError(line, "category", "too-many-categories", message)
    message = "No live category has this code or name. Create it first, or import with create_categories."
    return RowError(line, "category", "unknown-category", message)


def _label(
    session: Session, run: Run, good: list[_Good], stored: list[Stored], decided: dict[int, uuid.UUID]
) -> int:
    """Label the rows that name a category, the later row winning; how many labels this job has written."""
    decisions = {
        result.id: decided[line] for (line, _), result in zip(good, stored, strict=True) if line in decided
    }
    actor = f"import {run.job_id}"
    written = transactions.label_many(session, run.organization_id, decisions, source="import", actor=actor)
    if run.attempt == 1:
        return written
    current = transaction_store.current_labels(session, run.organization_id, decisions)
    return sum(label.actor == actor for label in current.values())
