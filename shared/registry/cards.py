"""Model cards: what a version was made from and how well it does, without a word of anybody's transactions.

The front matter follows the hub's model card specification (huggingface.co/docs/hub/model-cards).
"""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.engines import packaged_model
from shared.engines.artifacts import CARD
from shared.engines.hub import is_commit
from shared.jobs.kinds import ImportModelParams, RerankerTrainingParams, TrainingParams
from shared.registry import card_figures, card_texts, store
from shared.registry.card_texts import render
from shared.registry.tables import Evaluation, ModelVersion
from shared.transactions.formats import TextFormat

# Of a version's parameters those that a job of ours was given; whatever else may be there stays out.
_SHOWN = (
    set(TrainingParams.model_fields)
    | set(RerankerTrainingParams.model_fields)
    | set(ImportModelParams.model_fields)
) - {"name"}
_EVALUATIONS = 20


def write(folder: Path, version: ModelVersion, dataset: Dataset | None) -> None:
    """Put the card of a version that is being made into the folder of its weights."""
    (folder / CARD).write_text(_card(version, dataset, [], []), encoding="utf-8")


def of(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> str:
    """The card as Markdown, with what evaluations have found by now.

    Raises:
        ModelNotFound: not the organisation's.
    """
    version = store.get(session, organization_id, version_id)
    dataset = None
    if version.dataset_id is not None:
        dataset = dataset_store.get(session, organization_id, version.dataset_id)
    found = store.evaluations_of(session, organization_id, version.id, limit=_EVALUATIONS)
    named = {
        one.dataset_id: dataset_store.get(session, organization_id, one.dataset_id).name for one in found
    }
    rows = [row for one in found for row in card_figures.of_evaluation(one, named[one.dataset_id])]
    comparisons = [
        {"dataset": named[one.dataset_id], "split": one.split, **paired}
        for one in found
        if (paired := _against_parent(session, version, one)) is not None
    ]
    return _card(version, dataset, rows, comparisons)


def _against_parent(session: Session, version: ModelVersion, found: Evaluation) -> dict[str, Any] | None:
    """How the evaluation differs from the latest one of the model that the version was made from."""
    parent_id = version.parameters.get("base_model_version_id")
    if parent_id is None or found.reranker_version_id is not None:
        return None
    others = store.evaluations_of(
        session,
        version.organization_id,
        uuid.UUID(parent_id),
        dataset_id=found.dataset_id,
        split=found.split,
        limit=1,
    )
    if not others:
        return None
    before, after = (store.ranks_of(session, version.organization_id, one.id) for one in (others[0], found))
    return card_figures.compare(before, after)


def _card(
    version: ModelVersion,
    dataset: Dataset | None,
    evaluations: Sequence[Mapping[str, Any]],
    comparisons: Sequence[Mapping[str, Any]],
) -> str:
    texts = TextFormat.of(version.parameters)
    example = card_texts.example(texts)
    hub_id = _hub_id(version)
    test = version.metrics.get("test")
    return render(
        front=Markup(_front_matter(version, hub_id)),  # noqa: S704  # JSON values, made below
        name=version.name,
        kind=version.kind,
        about=_about(version),
        code=Markup(card_texts.code(version.kind, version.dimension, example)),  # noqa: S704  # no input in it
        example=example,
        texts=texts,
        data=[] if dataset is None else _data(dataset),
        parameters=_scalars({name: version.parameters[name] for name in _SHOWN & set(version.parameters)}),
        vectors=card_texts.vectors(version.metrics.get("dimensions") or (), version.dimension),
        run=_scalars({name: one for name, one in version.metrics.items() if name != "dimensions"}),
        test=None if test is None else card_figures.of_test(test),
        evaluations=evaluations,
        comparisons=comparisons,
        limits=card_texts.limits(version.kind),
        licence=_licence(version, hub_id),
    )


def _about(version: ModelVersion) -> str:
    source = PurePath(version.base_model).name if version.base_model_revision is None else version.base_model
    at = f" at commit {version.base_model_revision}" if version.base_model_revision else ""
    made = version.created_at or dt.datetime.now(dt.UTC)  # no row yet while its weights are saved
    about = card_texts.ABOUT[version.kind].format(source=f"{source}{at}")
    return f"{about} Made with Outlay on {made:%Y-%m-%d}."


def _front_matter(version: ModelVersion, hub_id: str | None) -> str:
    """YAML, each value as JSON, which YAML contains."""
    is_reranker = version.kind in {"reranker", "hosted_reranker"}
    tags = ["sentence-transformers", "expense-categorization", "outlay"]
    values: dict[str, Any] = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "text-ranking" if is_reranker else "sentence-similarity",
        "tags": [*tags, "cross-encoder" if is_reranker else "feature-extraction"],
    }
    if hub_id is not None:
        values["base_model"] = hub_id
        if version.dataset_id is not None:
            values["base_model_relation"] = "finetune"
    if version.base_model == packaged_model.NAME:
        values["license"] = "apache-2.0"
    else:
        values |= {"license": "other", "license_name": "that-of-the-base-model"}
    return "\n".join(f"{name}: {json.dumps(value)}" for name, value in values.items())


def _hub_id(version: ModelVersion) -> str | None:
    """What the hub knows the base model by; None for a folder of this machine."""
    if version.base_model == packaged_model.NAME:
        return f"sentence-transformers/{packaged_model.NAME}"
    return version.base_model if is_commit(version.base_model_revision) else None


def _licence(version: ModelVersion, hub_id: str | None) -> str:
    if version.base_model == packaged_model.NAME:
        return f"Apache 2.0, as {hub_id}, from which the weights derive."
    return "That of the base model, from which the weights derive: see where it was published."


def _data(dataset: Dataset) -> list[tuple[str, Any]]:
    """Names and counts of a dataset; no row, no category and no merchant of it."""
    given = dataset.parameters
    rows = {f"{split} rows": count for split, count in dataset.counts.items()}
    values = {
        "dataset": dataset.name,
        "id": dataset.id,
        "frozen": None if dataset.frozen_at is None else f"{dataset.frozen_at:%Y-%m-%d %H:%M} UTC",
        "split by": given.get("strategy"),
        "seed": dataset.seed,
        "categories": len(dataset.categories),
        **rows,
        "alike rows": "in one split only" if given.get("remove_duplicates") else None,
        "from": given.get("occurred_from"),
        "to": given.get("occurred_to"),
        "sources of labels": ", ".join(given.get("sources") or ()) or None,
    }
    return [(label, value) for label, value in values.items() if value is not None]


def _scalars(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Numbers, short strings and lists of numbers, by name; everything else is left out."""
    found: list[tuple[str, Any]] = []
    for name, value in sorted(values.items()):
        if isinstance(value, list | tuple) and value and all(isinstance(one, int | float) for one in value):
            found.append((name, ", ".join(map(str, value))))
        elif isinstance(value, bool):
            found.append((name, "yes" if value else "no"))
        elif isinstance(value, float):
            found.append((name, f"{value:.4g}"))
        elif isinstance(value, int) or (isinstance(value, str) and len(value) <= 200):
            found.append((name, value))
    return found
