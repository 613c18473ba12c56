"""Imports against the real database: what is stored, labelled, reported, and done once."""

import pytest
from sqlalchemy import select

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.jobs.run import Run
from shared.jobs.states import JobStatus
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from shared.transactions import service as transactions
from shared.transactions.tables import Label
from tests.importing.importer import HEADER, MAPPING, Importer


@pytest.fixture
def importer(resources: Resources) -> Importer:
    """A new organisation."""
    return Importer(resources)


def test_good_rows_are_kept_and_twenty_broken_lines_reported(importer: Importer) -> None:
    lines = [f'{number},Merchant {number},{number}.50,"two\nlines"' for number in range(2500)]
    wanted = set(range(60, 2500, 122))
    assert len(wanted) == 20
    for position, number in enumerate(sorted(wanted)):
        kinds = [f'{number},"open,1,x', f"{number},A,1.2.3,x", f"{number},,1,x", f"{number},A,1"]
        lines[number] = kinds[position % 4]
    result = importer.run(
        HEADER + "\n".join(lines), mapping={k: v for k, v in MAPPING.items() if k != "category"}
    )
    starts, line = {}, 2
    for number, text in enumerate(lines):
        starts[number] = line
        line += 1 + text.count("\n")
    assert {error["line"] for error in result["errors"]} == {starts[number] for number in wanted}
    assert len(result["errors"]) == 20
    counts = {name: value for name, value in result.items() if name != "errors"}
    assert counts == {
        "rows": 2500,
        "created": 2480,
        "updated": 0,
        "labelled": 0,
        "failed": 20,
        "errors_truncated": False,
    }
    stored = importer.stored()
    assert {row.external_id for row in stored} == {str(n) for n in range(2500) if n not in wanted}
    assert [int(row.external_id or "") for row in stored] == sorted(
        (int(row.external_id or "") for row in stored), reverse=True
    )  # newest first: the ids follow the file


@pytest.mark.parametrize("has_external_id", [True, False])
def test_an_import_that_died_between_chunks_imports_once(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, has_external_id: bool
) -> None:
    category = importer.category("Travel", "T1")
    mapping = MAPPING if has_external_id else {k: v for k, v in MAPPING.items() if k != "external_id"}
    content = HEADER + "".join(f"{n % 2300},Merchant {n},1,{'t1' if n % 2 else ''}\n" for n in range(2500))
    job_id = importer.submit(content, mapping=mapping)

    class Killed(BaseException):
        """Not an error that a job could handle."""

    def die(run: Run) -> Run:
        chunks = iter(range(2))

        def progress(*_: object) -> None:
            if next(chunks, None) == 1:
                raise Killed

        monkeypatch.setattr(run, "progress", progress)
        return run

    with pytest.raises(Killed):
        importer.attempt(job_id, die)
    assert len(importer.stored()) == 2000
    with transaction(importer.engine) as session:
        session.get_one(Job, job_id).status = JobStatus.QUEUED  # as the relay does once the lease has run out
    job = importer.attempt(job_id)
    assert (job.status, job.attempt) == ("succeeded", 2)
    assert job.result is not None
    distinct = 2300 if has_external_id else 2500
    assert len(importer.stored()) == distinct
    assert (job.result["created"], job.result["updated"]) == (distinct, 2500 - distinct)
    assert job.result["labelled"] == 1250
    with transaction(importer.engine) as session:
        ever = session.scalars(select(Label).where(Label.organization_id == importer.id)).all()
    assert len({label.transaction_id for label in ever}) == len(ever)
    assert len(ever) == sum(n % 2 for n in range(2500)) - (100 if has_external_id else 0)
    assert {label.category_id for label in ever} == {category}


def test_an_import_never_replaces_a_persons_label(importer: Importer) -> None:
    travel, meals = importer.category("Travel"), importer.category("Meals")
    importer.run(HEADER + "1,A,1,Travel\n2,B,1,Travel\n")
    [row] = [row for row in importer.stored() if row.external_id == "1"]
    with transaction(importer.engine) as session:
        transactions.label(session, importer.id, row.id, meals, source="human", actor="somebody")
    result = importer.run(HEADER + "1,A2,1,Travel\n2,B2,1,Meals\n")
    assert (result["created"], result["updated"], result["labelled"]) == (0, 2, 1)
    labels = importer.labels()
    assert (labels["1"].category_id, labels["1"].source) == (meals, "human")
    assert (labels["2"].category_id, labels["2"].source) == (meals, "import")
    assert travel != meals
    assert {row.merchant_name for row in importer.stored()} == {"A2", "B2"}


def test_categories_match_by_code_then_name_and_only_live_ones(importer: Importer) -> None:
    by_code, by_name = importer.category("Rail", "Travel"), importer.category("Travel", "T2")
    gone = importer.category("Gone", "G1")
    with transaction(importer.engine) as session:
        categories.archive(session, importer.id, gone)
    rows = ["1,A,1,Travel", "2,B,1,t2", "3,C,1,RAIL", "4,D,1,Gone", "5,E,1,g1", "6,F,1,Nope", "7,G,1,"]
    result = importer.run(HEADER + "\n".join(rows))
    assert {key: label.category_id for key, label in importer.labels().items()} == {
        "1": by_code,
        "2": by_name,
        "3": by_code,
    }
    assert [(error["line"], error["field"], error["code"]) for error in result["errors"]] == [
        (line, "category", "unknown-category") for line in (5, 6, 7)
    ]
    assert (result["created"], result["labelled"], result["failed"]) == (4, 3, 3)


def test_another_organisations_category_is_unknown(importer: Importer, resources: Resources) -> None:
    Importer(resources).category("Travel", "T1")
    result = importer.run(HEADER + "1,A,1,Travel\n2,B,1,T1\n")
    assert (result["failed"], result["labelled"], importer.stored()) == (2, 0, [])


def test_unknown_categories_are_created_once_when_asked(importer: Importer) -> None:
    importer.category("Meals")
    rows = "1,A,1,Travel\n2,B,1,TRAVEL\n3,C,1,meals\n4,D,1,Fuel\n"
    for _ in range(2):
        result = importer.run(HEADER + rows, create_categories=True)
        assert result["failed"] == 0
    with transaction(importer.engine) as session:
        chart = {category.id: category.name for category in category_store.all_live(session, importer.id)}
    assert sorted(chart.values()) == ["Fuel", "Meals", "Travel"]
    labels = {key: chart[label.category_id] for key, label in importer.labels().items()}
    assert labels == {"1": "Travel", "2": "Travel", "3": "Meals", "4": "Fuel"}


def test_a_wrongly_mapped_column_does_not_flood_the_chart(importer: Importer) -> None:
    rows = "".join(f"{n},A,1,Name {n}\n" for n in range(1200))
    result = importer.run(HEADER + rows, create_categories=True)
    assert (result["created"], result["failed"]) == (1000, 200)
    assert {error["code"] for error in result["errors"]} == {"too-many-categories"}


def test_an_external_id_twice_in_a_file_is_one_row_and_the_later_one_wins(importer: Importer) -> None:
    importer.category("Travel")
    meals = importer.category("Meals")
    result = importer.run(HEADER + "1,A,1,Travel\n1,B,2,Meals\n")
    assert (result["rows"], result["created"], result["updated"], result["labelled"]) == (2, 1, 1, 1)
    assert [row.merchant_name for row in importer.stored()] == ["B"]
    assert importer.labels()["1"].category_id == meals


def test_json_lines_with_a_default_category(importer: Importer) -> None:
    travel = importer.category("Travel", "T1")
    content = b'\xef\xbb\xbf{"id": "1", "merchant": "A", "total": 1.5}\n\n{"id": 2}\n'
    result = importer.run(content, format="jsonl", defaults={"category": "T1", "currency": "EUR"})
    assert [(error["line"], error["field"]) for error in result["errors"]] == [(3, "merchant_name")]
    assert importer.labels()["1"].category_id == travel


def test_at_most_a_thousand_errors_are_reported(importer: Importer) -> None:
    result = importer.run(HEADER + "1,,1,\n" * 2345 + "1,A,1,\n")
    assert (result["failed"], len(result["errors"]), result["errors_truncated"]) == (2345, 1000, True)
    assert result["errors"][-1]["line"] == 1001
    assert result["created"] == 1


def test_a_refused_file_fails_the_job_with_advice(importer: Importer) -> None:
    job = importer.attempt(importer.submit("id,merchant\n1,A\n"))
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["code"] == "file-refused"
    assert "'account', 'total'" in job.error["message"]
