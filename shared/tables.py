"""Every table, gathered so that Alembic sees the whole schema."""

from shared.candidates import tables as candidates
from shared.categories import tables as categories
from shared.datasets import tables as datasets
from shared.idempotency import tables as idempotency
from shared.jobs import tables as jobs
from shared.kit.db import Base
from shared.organizations import tables as organizations
from shared.registry import tables as registry
from shared.transactions import tables as transactions

__all__ = [
    "candidates",
    "categories",
    "datasets",
    "idempotency",
    "jobs",
    "metadata",
    "organizations",
    "registry",
    "transactions",
]

metadata = Base.metadata
