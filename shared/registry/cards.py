"""Model cards: what a version was made from and how well it does, without a word of anybody's transactions.

The front matter follows the hub's model card specification (huggingface.co/docs/hub/model-cards). A card's
data is read in a transaction (`read`) and written out after it (`CardData.markdown`): intervals take a while.
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.engines import packaged_model
from shared.engines.artifacts import CARD
from shared.engines.hub import is_commit
from shared.jobs.kinds import ImportModelParams, RerankerTrainingParams, TrainingParams
from shared.kit.intervals import figure
from shared.kit.measures import RetrievalMeasures
from shared.registry import store
from shared.registry.store import RankChange
from shared.registry.tables import Evaluation, ModelVersion
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat

_TEMPLATE = "card.md.jinja2"
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~!&])")

# Of a version's parameters only those that one of our jobs was given; anything else is left out.
_SHOWN = (
    set(TrainingParams.model_fields)
    | set(RerankerTrainingParams.model_fields)
    | set(ImportModelParams.model_fields)
) - {"name"}
_EVALUATIONS = 20
_COMPARISONS = 5
_MRR_AT = 5


_INTRODUCTIONS: Mapping[str, str] = {
    "base": "A bi-encoder, {source}, as it was published.",
    "fine_tuned": "A bi-encoder, fine-tuned from {source} to find the expense category of a transaction.",
    "imported": "A bi-encoder, taken over from {source}.",
    "reranker": "A cross-encoder from {source}, which puts a bi-encoder's first categories in order again.",
    "hosted_reranker": "A hosted reranker, {source}, which puts a bi-encoder's first categories in order.",
}

_LIMITS = (
    "The figures are of the rows named here. They say little of another organisation, another chart or "
    "much later months.",
    "Rows of one merchant often look alike. Where a split does not keep a merchant on one side, figures are "
    "higher than for merchants never seen.",
)
_ENCODER_LIMIT = "A similarity is no probability: what it takes to act without a person is calibrated apart."
_RERANKER_LIMIT = (
    "It was trained on categories that one bi-encoder put first. Behind another one, measure it again."
)

_ENCODER_CODE = """from sentence_transformers import SentenceTransformer

model = SentenceTransformer(path{cut})
vectors = model.encode(
    [{transaction!r}, {category!r}],
    normalize_embeddings=True,
)
similarity = vectors[0] @ vectors[1]"""
_RERANKER_CODE = """from sentence_transformers import CrossEncoder

model = CrossEncoder(path)
scores = model.predict([({transaction!r}, {category!r})])"""


@dataclass(frozen=True)
class CardData:
    """What a card says, read from the database.

    `comparisons`: how the ranks of the newest evaluation on each split differ from the parent model's.
    """

    version: ModelVersion
    dataset: Dataset | None
    evaluations: Sequence[Evaluation] = ()
    dataset_names: Mapping[uuid.UUID, str] | None = None
    comparisons: Sequence[tuple[Evaluation, Sequence[RankChange]]] = ()

    def markdown(self) -> str:
        """The card; the same data make the same card."""
        version, names = self.version, self.dataset_names or {}
        texts = TextFormat.of(version.parameters)
        example = _example(texts)
        hub_id = _hub_id(version)
        test = version.metrics.get("test")
        compared = [
            {"dataset": names[evaluation.dataset_id], "split": evaluation.split, **_comparison(changes)}
            for evaluation, changes in self.comparisons
            if changes
        ]
        parameters = {name: version.parameters[name] for name in _SHOWN & set(version.parameters)}
        return _template().render(
            front=Markup(_front_matter(version, hub_id)),  # noqa: S704  # JSON values, made below
            name=version.name,
            kind=version.kind,
            introduction=_introduction(version),
            code=Markup(_code(version.kind, version.dimension, example)),  # noqa: S704  # no input in it
            example=example,
            texts=texts,
            data=[] if self.dataset is None else _data(self.dataset),
            parameters=_scalars(parameters),
            vectors=_vectors(version.metrics.get("dimensions") or (), version.dimension),
            run=_scalars({name: value for name, value in version.metrics.items() if name != "dimensions"}),
            test=None if test is None else _test_figures(test),
            evaluations=[
                row
                for evaluation in self.evaluations
                for row in _evaluation_rows(evaluation, names[evaluation.dataset_id])
            ],
            comparisons=compared,
            limits=_limits(version.kind),
            licence=_licence(version, hub_id),
        )


def write(folder: Path, version: ModelVersion, dataset: Dataset | None) -> None:
    """Put the card of a new version into the folder of its weights."""
    (folder / CARD).write_text(CardData(version, dataset).markdown(), encoding="utf-8")


def read(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> CardData:
    """What the version's card says as of now, in at most six statements.

    Raises:
        ModelNotFound: not the organisation's.
    """
    version = store.get(session, organization_id, version_id)
    dataset = None
    if version.dataset_id is not None:
        dataset = dataset_store.get(session, organization_id, version.dataset_id)
    evaluations = store.evaluations_of(session, organization_id, version.id, limit=_EVALUATIONS)
    names = dataset_store.names(session, organization_id, {row.dataset_id for row in evaluations})
    comparisons = _read_comparisons(session, version, evaluations)
    return CardData(version, dataset, evaluations, names, comparisons)


def _read_comparisons(
    session: Session, version: ModelVersion, evaluations: Sequence[Evaluation]
) -> list[tuple[Evaluation, Sequence[RankChange]]]:
    parent_id = version.parameters.get("base_model_version_id")
    newest: dict[tuple[uuid.UUID, str], Evaluation] = {}
    for evaluation in evaluations:  # newest first
        if evaluation.reranker_version_id is None:
            newest.setdefault((evaluation.dataset_id, evaluation.split), evaluation)
    if parent_id is None or not newest:
        return []
    organization_id = version.organization_id
    parents = store.newest_evaluations(session, organization_id, uuid.UUID(parent_id), newest)
    pairs = {evaluation.id: parents[key] for key, evaluation in newest.items() if key in parents}
    pairs = dict(list(pairs.items())[:_COMPARISONS])
    changes = store.rank_changes(session, organization_id, pairs, coarse_above=_MRR_AT) if pairs else {}
    return [(row, changes[row.id]) for row in newest.values() if row.id in changes]


def _introduction(version: ModelVersion) -> str:
    source = PurePath(version.base_model).name if version.base_model_revision is None else version.base_model
    at = f" at commit {version.base_model_revision}" if version.base_model_revision else ""
    created = version.created_at or dt.datetime.now(dt.UTC)  # no row yet while its weights are saved
    text = _INTRODUCTIONS[version.kind].format(source=f"{source}{at}")
    return f"{text} Made with Outlay on {created:%Y-%m-%d}."


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
    scalars: list[tuple[str, Any]] = []
    for name, value in sorted(values.items()):
        if isinstance(value, list | tuple) and value and all(isinstance(item, int | float) for item in value):
            scalars.append((name, ", ".join(map(str, value))))
        elif isinstance(value, bool):
            scalars.append((name, "yes" if value else "no"))
        elif isinstance(value, float):
            scalars.append((name, f"{value:.4g}"))
        elif isinstance(value, int) or (isinstance(value, str) and len(value) <= 200):
            scalars.append((name, value))
    return scalars


def _test_figures(test: Mapping[str, Any]) -> dict[str, Any]:
    """What a training measured on its test rows; `training/bi_encoder/before_after.py` has its shape."""
    rows = [
        {"label": label}
        | {side: _shown(test[side][name]) for side in ("before", "after")}
        | {"difference": _signed(test["difference"][name])}
        for name, label in (("recall_at_1", "recall@1"), ("recall_at_5", "recall@5"), ("mrr", "MRR"))
    ]
    return {"rows": rows, **{name: test[name] for name in ("n", "improved", "regressed", "unchanged")}}


def _evaluation_rows(evaluation: Evaluation, dataset: str) -> list[dict[str, Any]]:
    """The evaluation's row in the table; of one with a reranker two rows, with it and without."""
    stages: dict[str, RetrievalMeasures | None] = {"this one": evaluation.metrics}
    if evaluation.reranker_version_id is not None:
        stages = {
            "with the reranker": evaluation.metrics,
            "without it": evaluation.metrics.without_reranker,
        }
    return [
        {
            "dataset": dataset,
            "split": evaluation.split,
            "n": measures.n,
            "model": model,
            "recall_1": _shown(dict(measures.recall[1])),
            "recall_5": _shown(dict(measures.recall[5])),
            "mrr_5": _shown(dict(measures.mrr[_MRR_AT])),
        }
        for model, measures in stages.items()
        if measures is not None
    ]


def _comparison(changes: Sequence[RankChange]) -> dict[str, Any]:
    """The differences row by row, of the ranks of the rows that both evaluations have."""
    rows = [change.rows for change in changes]
    hits = [float(change.after == 1) - float(change.before == 1) for change in changes]
    reciprocals = [_reciprocal(change.after) - _reciprocal(change.before) for change in changes]
    return {
        "n": sum(rows),
        "recall_1": _signed(vars(figure(np.repeat(hits, rows)))),
        "mrr_5": _signed(vars(figure(np.repeat(reciprocals, rows)))),
        "improved": sum(change.rows for change in changes if change.direction > 0),
        "regressed": sum(change.rows for change in changes if change.direction < 0),
    }


def _reciprocal(rank: int | None) -> float:
    return 1 / rank if rank is not None and rank <= _MRR_AT else 0.0


def _shown(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:  # JSON has no NaN: of no rows
        return "none"
    return "{value:.3f} ({low:.3f} to {high:.3f})".format(**figure)


def _signed(figure: Mapping[str, Any]) -> str:
    return "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**figure)


def _example(texts: TextFormat) -> dict[str, str]:
    """What the encoder would read of a made-up transaction and its category."""
    fields = TransactionFields(
        merchant_name="Example Airways",
        merchant_descriptor="EXAMPLE AIRWAYS 0012345 LONDON",
        merchant_category=("Airlines",),
        department="Sales",
        amount=Decimal("240.00"),
        memo="Flight to a customer",
    )
    category = texts.of_category("Travel", "Flights, trains and hotels", ("Example Airways", "Example Rail"))
    return {"transaction": texts.of_transaction(fields), "category": category}


def _code(kind: str, dimension: int | None, example: Mapping[str, str]) -> str:
    """Python that loads the folder `path` with plain sentence-transformers, and uses it."""
    if kind == "reranker":
        return _RERANKER_CODE.format(**example)
    return _ENCODER_CODE.format(cut=f", truncate_dim={dimension}" if dimension else "", **example)


def _vectors(dimensions: Sequence[int], cut: int | None) -> str | None:
    """How long the vectors are and may be; None where that is not known, or there are none."""
    if not dimensions:
        return None
    whole, *shorter = dimensions
    if cut is not None:
        return (
            f"This version keeps the first {cut} of each vector's {whole} numbers: say so when you load the "
            "files, as above, since they are those of the whole."
        )
    if shorter:
        lengths = ", ".join(map(str, shorter))
        return f"Each vector has {whole} numbers; it was trained to be cut to the first of them: {lengths}."
    return f"Each vector has {whole} numbers."


def _limits(kind: str) -> tuple[str, ...]:
    """What to keep in mind."""
    return (*_LIMITS, _RERANKER_LIMIT if kind in {"reranker", "hosted_reranker"} else _ENCODER_LIMIT)


def _escaped(value: Any) -> Any:
    """The value as text of one line that Markdown and a table show as it is; `Markup` as it is."""
    if isinstance(value, Markup):
        return value
    line = " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())
    return _SPECIAL.sub(r"\\\1", line)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701  # Markdown, which `_escaped` handles, and no HTML
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        finalize=_escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(_TEMPLATE)
