"""What a reranker behind the tuned bi-encoder adds and costs, and a bi-encoder distilled from it."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.quality.material import TEXTS, Data, Row
from benchmarks.quality.units import Units
from shared.categorization.exact import rank_exactly, rank_of
from shared.categorization.reranking import CategoryReranker
from shared.engines.encoder import Encoder
from shared.engines.reranker import CrossEncoderReranker, RerankQuery
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.spec import FinetuneRequest, TeacherModel
from shared.training.bi_encoder.trainer import finetune
from shared.training.cross_encoder.lists import Example, examples_of
from shared.training.cross_encoder.spec import RerankerRequest
from shared.training.cross_encoder.trainer import train_reranker

TOP_N = 10


def reranked(
    data: Data, known: Sequence[Row], queries: Sequence[Row], encoder: Encoder, reranker: Path
) -> dict[str, Any]:
    """The ranks of the queries after the second stage of serving, and its milliseconds per row."""
    choices = data.choices(TEXTS)
    questions = [row.exact(TEXTS) for row in queries]
    rankings = rank_exactly(encoder, choices, [row.exact(TEXTS) for row in known], questions, is_tuned=True)
    model = CrossEncoderReranker(reranker)
    model.score([RerankQuery("warm", ["up"])])
    stage = CategoryReranker(
        model, TEXTS, {category_id: choice.text for category_id, choice in choices.items()}, TOP_N
    )
    started = time.perf_counter()
    reranked_rankings = stage.rerank([row.fields for row in queries], rankings)
    took = (time.perf_counter() - started) / len(queries)
    ranks = [
        rank_of(row.category_id, ranking) for row, ranking in zip(queries, reranked_rankings, strict=True)
    ]
    return {"ranks": ranks, "rerank_ms": 1000 * took}


def reranker_model(data: Data, known: Sequence[Row], model: Path, name: str, units: Units) -> Path:
    """The folder of a reranker for the bi-encoder's candidates, trained on the known rows."""
    folder = units.folder / f"reranker-{name}"

    def train() -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)  # left by a run that was stopped
        result = train_reranker(
            RerankerRequest(
                base_model=model,
                miner=model,
                output_dir=folder,
                category_texts=data.texts(TEXTS),
                train_rows=tuple(row.trained(TEXTS) for row in known),
                examples=_examples(data),
            ),
            lambda _: None,
        )
        return {"seconds": result.seconds}

    units.once(f"reranker-training-{name}", train)
    return folder


def student_model(
    data: Data, known: Sequence[Row], model: Path, teacher: Path, name: str, units: Units
) -> Path:
    """The folder of the bi-encoder distilled from the reranker: better, and as fast as before."""
    folder = units.folder / f"student-{name}"

    def train() -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)
        result = finetune(
            FinetuneRequest(
                base_model=model,
                output_dir=folder,
                category_texts=data.texts(TEXTS),
                train_rows=tuple(row.trained(TEXTS) for row in known),
                recipe=Recipe(loss="margin_mse", epochs=3, learning_rate=5e-5),
                teacher=TeacherModel(teacher, True, TEXTS, data.texts(TEXTS)),
            ),
            lambda _: None,
        )
        return {"seconds": result.seconds}

    units.once(f"student-training-{name}", train)
    return folder


def _examples(data: Data) -> tuple[Example, ...]:
    """The examples of the chart, which a reranker is trained on like rows."""
    ids = {category.name: str(id_) for id_, category in data.chart.items()}
    examples = examples_of({str(id_): category for id_, category in data.chart.items()}, TEXTS)
    return tuple(replace(example, category_id=ids[example.category_id]) for example in examples)
