"""Rows that commit 9688c9f wrote are read, written back unchanged, and shown by the API as they were."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql

from api.schemas.evaluations import EvaluationOut, EvaluationReportOut
from shared.datasets.tables import Dataset
from shared.kit.pydantic_json import PydanticJSON
from shared.registry.reports import EvaluationMetrics, EvaluationReport
from shared.registry.tables import Evaluation

STORED = json.loads((Path(__file__).parent / "stored_9688c9f.json").read_text())
DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # has no types


def column(table: type[Any], name: str) -> PydanticJSON:
    type_ = table.__table__.columns[name].type
    assert isinstance(type_, PydanticJSON)
    return type_


@pytest.mark.parametrize(
    ("table", "name", "stored"),
    [
        *((Evaluation, name, STORED["model"][name]) for name in ("metrics", "per_category", "report")),
        *((Evaluation, name, STORED["baseline"][name]) for name in ("metrics", "per_category", "report")),
        (Dataset, "report", STORED["dataset_report"]),
        (Dataset, "report", STORED["checked_dataset_report"]),
        (Dataset, "categories", STORED["categories"]),
    ],
)
def test_old_json_is_read_and_written_back_unchanged(table: type[Any], name: str, stored: Any) -> None:
    type_ = column(table, name)
    value = type_.process_result_value(stored, DIALECT)
    assert not isinstance(value, dict) or all(not isinstance(part, dict) for part in value.values())
    assert type_.process_bind_param(value, DIALECT) == stored


@pytest.mark.parametrize("kind", ["model", "baseline"])
def test_old_evaluations_are_shown_as_before(kind: str) -> None:
    stored = STORED[kind]
    values = {name: column(Evaluation, name).process_result_value(stored[name], DIALECT) for name in stored}
    shown = json.loads(EvaluationReportOut.model_validate(_shown(**values)).model_dump_json())
    assert {name: shown[name] for name in stored} == stored


def test_rows_from_before_there_was_a_report_are_shown() -> None:
    """Evaluator 1 measured k up to 5, and had no NDCG and no report."""
    metrics = {"n": 1, "recall": {"1": _figure(1.0)}, "mrr": {"1": _figure(1.0)}}
    read = EvaluationMetrics.model_validate(metrics)
    assert read.find("ndcg", 10) is None
    shown = json.loads(EvaluationOut.model_validate(_shown(metrics=read, per_category={})).model_dump_json())
    assert shown["metrics"] == metrics | {"triplet_accuracy": None}
    assert EvaluationReport.model_validate({}).reliability.bins == ()


def _figure(value: float) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "n": 1}


def _shown(**values: Any) -> dict[str, Any]:
    ids = {name: uuid.uuid4() for name in ("id", "dataset_id", "job_id", "model_version_id")}
    rest = {
        "reranker_version_id": None,
        "method": "model",
        "split": "eval",
        "created_at": "2026-05-12T00:00:00Z",
    }
    return {**ids, **rest, **values}
