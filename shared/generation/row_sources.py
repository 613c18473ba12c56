"""Where rows come from: an LLM that is given a prompt, or the bundled generator."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.categories.tables import Category
from shared.engines.llm import Request, Usage
from shared.generation import prompts
from shared.generation.batch_plan import Batch
from shared.generation.llm_pool import Reply
from shared.generation.offline import SampleTransaction, generate
from shared.generation.reference import load
from shared.generation.rows import Chart, Paraphrases, Transactions
from shared.generation.weaknesses import Confusion
from shared.kit.errors import Conflict
from shared.kit.money import format_amount
from shared.transactions.fields import TransactionFields

EXAMPLES = 6  # approved ones in a prompt
TOKENS_PER_ROW = 400  # a completion's limit; a row takes some 200
TOKENS_PER_NAME = 60

OFFLINE = "offline"
OFFLINE_VERSION = "offline-1"
_POOL_SEEDS = 50


class NotInTheBundledChart(Conflict):
    code = "not-in-the-bundled-chart"
    message = (
        "The style 'offline' only knows the categories of the bundled sample, by name, and one that is "
        "wanted is none of them. Choose others with category_ids, or set an LLM and use another style."
    )


@dataclass(frozen=True)
class PromptBuilder:
    """Builds the request for a batch. `examples`: approved transactions, as rows; never a real one."""

    style: str
    chart: Chart
    seed: int
    examples: Sequence[dict[str, Any]] = ()
    confusions: Sequence[Confusion] = field(default=())

    def __call__(self, batch: Batch) -> Request[Any]:
        """The messages and the shape of the answer; the same batch gives the same messages."""
        rng = random.Random(f"{self.seed}/{batch.number}")  # noqa: S311  # a reproducible choice
        by_id = self.chart.by_id
        values = {
            "wanted": [
                {**_described(self.chart, by_id[id_]), "rows": count} for id_, count in batch.wanted.items()
            ],
            "categories": [
                {"key": self.chart.key(id_), "name": category.name} for id_, category in by_id.items()
            ],
            "examples": rng.sample(list(self.examples), min(EXAMPLES, len(self.examples))),
            "confusions": self._confusions(batch),
        }
        is_paraphrase = self.style == "paraphrase"
        limit = batch.size * (TOKENS_PER_NAME if is_paraphrase else TOKENS_PER_ROW) + 100
        answer = Paraphrases if is_paraphrase else Transactions
        return Request(prompts.render(self.style, values), answer, limit)

    def _confusions(self, batch: Batch) -> list[dict[str, Any]]:
        """Those of the batch's own categories first; what was archived meanwhile is left out."""
        live = [
            confusion
            for confusion in self.confusions
            if {confusion.right, confusion.mistaken_for} <= self.chart.by_id.keys()
        ]
        live.sort(key=lambda confusion: confusion.right not in batch.wanted)
        key = self.chart.key
        return [
            {
                "right": key(confusion.right),
                "mistaken_for": key(confusion.mistaken_for),
                "times": confusion.count,
            }
            for confusion in live[:10]
        ]


def check_bundled(wanted: Sequence[Category]) -> None:
    """Raise NotInTheBundledChart unless every category is one of the bundled chart, by its name."""
    bundled = {category.name.casefold() for category in load().categories}
    if any(category.name.casefold() not in bundled for category in wanted):
        raise NotInTheBundledChart


def offline_replies(batches: Sequence[Batch], chart: Chart, seed: int) -> Iterator[Reply]:
    """The bundled generator's rows for each batch: the same seed, the same rows."""
    pool = _SamplePool(seed)
    for batch in batches:
        rows = [
            _as_row(row, chart.key(category_id))
            for category_id, count in batch.wanted.items()
            for row in pool.take(chart.by_id[category_id].name.casefold(), count)
        ]
        yield Reply(batch, rows, Usage())


class _SamplePool:
    """Rows of the bundled generator by category, generated as they are needed."""

    def __init__(self, seed: int) -> None:
        self._seeds = iter(range(seed * _POOL_SEEDS, (seed + 1) * _POOL_SEEDS))
        self._rows: dict[str, list[SampleTransaction]] = {}

    def take(self, category: str, count: int) -> list[SampleTransaction]:
        while len(self._rows.get(category, ())) < count:
            seed = next(self._seeds, None)
            if seed is None:
                break
            for row in generate(seed, transactions=480, label_noise=0).transactions:
                self._rows.setdefault(row.category.casefold(), []).append(row)
        rows = self._rows.get(category, [])
        self._rows[category] = rows[count:]
        return rows[:count]


def _as_row(row: SampleTransaction, key: str) -> dict[str, Any]:
    return {
        "category": key,
        **TransactionFields.of_row(row).columns(),
        "amount": format_amount(row.amount, row.currency),
        "occurred_on": row.occurred_on.isoformat(),
    }


def _described(chart: Chart, category: Category) -> dict[str, Any]:
    values = {
        "key": chart.key(category.id),
        "name": category.name,
        "description": category.description,
        "examples": list(category.examples[:5]),
        "departments": list(category.departments[:8]),
    }
    return {name: value for name, value in values.items() if value}
