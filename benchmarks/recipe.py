"""Cross-validation of the recipe: text, loss and voting, before and after fine-tuning.

    python -m benchmarks.recipe ../shared/data/tech_expenses --folds 5 --run 2

The folder has `categories.json` (category, sample_transactions) and `transactions.jsonl` (the API's fields
and expense_category). For each fold a model is fine-tuned on the other folds, of which a share is held out to
select the epoch. The rows of the fold are ranked by category text alone and together with the labelled rows,
as serving does. Prints a table with 95 % intervals; `--json` writes the same with every rank.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from devtools.expenses import LabelledTexts, load
from shared.categorization.voting import rank_categories
from shared.engines.encoder import Encoder, SentenceTransformerEncoder, resolve_model
from shared.engines.vectors import Hit
from shared.evaluation.metrics import Metrics, evaluate
from shared.jobs.kinds import Recipe
from shared.kit.ids import derived_id
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult
from shared.training.bi_encoder.trainer import finetune
from shared.training.rows import TrainRow


def ranks(
    encoder: Encoder, data: LabelledTexts, known: Sequence[int], queries: Sequence[int]
) -> dict[str, list[int | None]]:
    """The rank of each query's category, without and with the known rows as history."""
    ids = list(data.categories)
    vectors = encoder.encode([data.rows[row][0] for row in queries])
    to_texts = vectors @ encoder.encode(list(data.categories.values())).T
    to_rows = vectors @ encoder.encode([data.rows[row][0] for row in known]).T
    keys = [derived_id("row", row) for row in known]
    ranks_by_method: dict[str, list[int | None]] = {"texts": [], "texts + history": []}
    for row, texts, rows in zip(queries, to_texts, to_rows, strict=True):
        by_text = [
            Hit(category_id, category_id, float(score)) for category_id, score in zip(ids, texts, strict=True)
        ]
        nearest = np.argsort(-rows, kind="stable")[:50]
        history = [Hit(keys[index], data.rows[known[index]][1], float(rows[index])) for index in nearest]
        for name, hits in (("texts", []), ("texts + history", history)):
            order = [ranked.category_id for ranked in rank_categories(by_text, hits)]
            category_id = data.rows[row][1]
            rank = order.index(category_id) + 1 if category_id in order else None
            ranks_by_method[name].append(rank)
    return ranks_by_method


def tune(
    data: LabelledTexts, rows: list[int], folder: Path, options: argparse.Namespace, seed: int
) -> FinetuneResult:
    """Fine-tune on the rows but `test_share` of them, drawn by seed, which only select the epoch."""
    order = random.Random(seed).sample(rows, len(rows))
    train_rows = [TrainRow(data.rows[row][0], str(data.rows[row][1])) for row in order]
    cut = len(train_rows) - round(len(train_rows) * options.test_share)
    request = FinetuneRequest(
        base_model=resolve_model(options.base_model).path,
        output_dir=folder,
        category_texts={str(category_id): text for category_id, text in data.categories.items()},
        train_rows=tuple(train_rows[:cut]),
        test_rows=tuple(train_rows[cut:]),
        recipe=Recipe(
            loss=options.loss,
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            transaction_share=options.transaction_share,
            seed=seed,
        ),
    )
    return finetune(request, lambda _: None)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The ranks of every query by model and method, and what each training cost."""
    data = load(options.data)
    order = random.Random(options.seed).sample(range(len(data.rows)), len(data.rows))
    base = SentenceTransformerEncoder(resolve_model(options.base_model).path)
    all_ranks: dict[str, list[int | None]] = {}
    trainings = []
    for fold in range(options.run or options.folds):
        queries = order[fold :: options.folds]
        known = [row for row in order if row not in set(queries)]
        with tempfile.TemporaryDirectory() as folder:
            result = tune(data, known, Path(folder) / "model", options, options.seed + fold)
            models = {"base": base, "fine-tuned": SentenceTransformerEncoder(result.model_dir)}
            for model, encoder in models.items():
                for method, fold_ranks in ranks(encoder, data, known, queries).items():
                    all_ranks.setdefault(f"{model}, {method}", []).extend(fold_ranks)
        trainings.append(asdict(result) | {"model_dir": None})
        show(
            all_ranks,
            f"after fold {fold + 1}: {result.seconds:.0f} s of training, best epoch {result.best_epoch}",
        )
    settings = {name: str(value) for name, value in vars(options).items()}
    return {"ranks": all_ranks, "trainings": trainings, "options": settings}


def show(ranks_by_name: dict[str, list[int | None]], title: str) -> None:
    """Print one line for each model and method."""
    print(f"\n{title}\n{'':30} {'n':>4}  recall@1 (95 %)      recall@3  recall@5   MRR@5")
    for name, name_ranks in ranks_by_name.items():
        metrics: Metrics = evaluate(name_ranks)
        first = metrics.recall[1]
        print(
            f"{name:30} {metrics.n:4}  {first.value:.3f} ({first.low:.3f}-{first.high:.3f})"
            f"     {metrics.recall[3].value:.3f}     {metrics.recall[5].value:.3f}"
            f"   {metrics.mrr[5].value:.3f}",
            flush=True,
        )


def main() -> None:
    """Parse the command line and run."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--base-model", default="all-MiniLM-L6-v2")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--run", type=int, help="how many of the folds to run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--test-share",
        type=float,
        default=0.06,
        help="share of the training rows that only selects the epoch",
    )
    parser.add_argument("--loss", default=defaults.loss)
    for name in ("epochs", "batch_size", "learning_rate", "transaction_share"):
        default = getattr(defaults, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    parser.add_argument("--json", type=Path, help="write ranks and trainings here")
    options = parser.parse_args()
    result = run(options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), "utf-8")


if __name__ == "__main__":
    main()
