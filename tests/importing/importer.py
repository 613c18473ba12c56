"""An organisation that imports files in the test's own process."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from shared.categories import service as categories
from shared.categories.service import CategoryFields
from shared.importing import service as importing
from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import ImportParams
from shared.jobs.run import Effects, Lease, Run, execute
from shared.jobs.tables import Job
from shared.kit.ids import new_id
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.organizations import service as organizations
from shared.resources import Resources
from shared.transactions import store as transaction_store
from shared.transactions.store import TransactionFilter
from shared.transactions.tables import Label, Transaction

MAPPING = {"external_id": "id", "merchant_name": "merchant", "amount": "total", "category": "account"}
HEADER = "id,merchant,total,account\n"


class Importer:
    """An organisation that imports files, in this process, as a worker would."""

    def __init__(self, resources: Resources) -> None:
        self.engine: Engine = resources.engine
        self.resources = resources
        self.artifacts = resources.artifacts
        with transaction(self.engine) as session:
            self.id = organizations.create(session, "Importer")[0].id

    def submit(self, content: str | bytes, **options: Any) -> uuid.UUID:
        """Store a file and queue its import."""
        name = f"uploads/{self.id}/{new_id()}"
        path = self.artifacts.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        params = ImportParams(upload=name, **({"format": "csv", "mapping": MAPPING} | options))
        with transaction(self.engine) as session:
            return jobs.submit(session, self.id, params).id

    def attempt(self, job_id: uuid.UUID, wrap: Callable[[Run], Run] = lambda run: run) -> Job:
        """Work on the job; the row afterwards."""

        def work(run: Run, params: ImportParams) -> Effects:
            return importing.import_rows(wrap(run), params, self.resources)

        execute(self.engine, job_id, lambda _: work, Lease(60, 10))
        with transaction(self.engine) as session:
            return job_store.get(session, self.id, job_id)

    def run(self, content: str | bytes, **options: Any) -> dict[str, Any]:
        """Import the file; the result."""
        job = self.attempt(self.submit(content, **options))
        assert job.status == "succeeded", job.error
        assert job.result is not None
        return job.result

    def category(self, name: str, code: str | None = None) -> uuid.UUID:
        """A new category."""
        with transaction(self.engine) as session:
            return categories.create(session, self.id, CategoryFields(name, code)).id

    def stored(self) -> list[Transaction]:
        """All transactions, newest first."""
        rows: list[Transaction] = []
        cursor = None
        with transaction(self.engine) as session:
            while True:
                page = transaction_store.list_(session, self.id, TransactionFilter(), Paging(200, cursor))
                rows.extend(page.rows)
                if (cursor := page.next) is None:
                    return rows

    def labels(self) -> dict[str | None, Label]:
        """The current label by external_id."""
        rows = self.stored()
        with transaction(self.engine) as session:
            labels = transaction_store.current_labels(session, self.id, [row.id for row in rows])
        return {row.external_id: labels[row.id] for row in rows if row.id in labels}
