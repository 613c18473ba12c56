"""How alike two transactions are that differ, and two that do not: `python -m benchmarks.near_duplicates`.

Measures the thresholds of shared/generation/duplicates.py on the bundled sample. "The same": a row against
itself with one change that a careless generator makes (two letters swapped, words in another order, a word
doubled, a store number, other case). "Different": two rows that people filed under different categories, of
one merchant for the text's figure, of all for the embedding's. The former are to be refused, the latter kept.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
from rapidfuzz import fuzz
from rich.console import Console
from rich.table import Table

from shared.engines.encoder import SentenceTransformerEncoder, resolve_model
from shared.generation.offline import SampleTransaction, generate
from shared.transactions.fields import TransactionFields
from shared.transactions.merchant import merchant_key
from shared.transactions.text import transaction_text

SEEDS = range(1, 5)
PAIRS = 20_000


def main() -> None:
    """Print a table for each of the two thresholds."""
    rng = random.Random(0)
    rows = [row for seed in SEEDS for row in generate(seed, label_noise=0).transactions]
    texts = [_text(row) for row in rows]
    same = [(text, other) for text in texts for other in _spoilt(text, rng)]
    different = list(_of_one_merchant(rows, texts))
    table = Table(title=f"RapidFuzz on the text: {len(same):,} same, {len(different):,} different pairs")
    scorers = {"ratio": fuzz.ratio, "token_sort": fuzz.token_sort_ratio, "token_set": fuzz.token_set_ratio}
    for title in ("threshold", *(f"{name}: {what}" for name in scorers for what in ("same", "different"))):
        table.add_column(title, justify="right")
    scores = {name: (_scores(scorer, same), _scores(scorer, different)) for name, scorer in scorers.items()}
    for threshold in (80, 85, 88, 90, 92, 94, 96, 98):
        shares = [
            f"{(similarities >= threshold).mean():.3f}" for pair in scores.values() for similarities in pair
        ]
        table.add_row(str(threshold), *shares)
    console = Console(width=120)
    console.print(table)
    console.print(_embedded(texts, same, [row.category for row in rows], rng))


def _embedded(
    texts: list[str], same: list[tuple[str, str]], categories: list[str], rng: random.Random
) -> Table:
    encoder = SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2", None).path, device="cpu")
    sample = rng.sample(same, 1500)
    ours = (encoder.encode([a for a, _ in sample]) * encoder.encode([b for _, b in sample])).sum(axis=1)
    vectors = encoder.encode(texts)
    pairs = [rng.sample(range(len(texts)), 2) for _ in range(PAIRS)]
    apart = [(a, b) for a, b in pairs if categories[a] != categories[b] and texts[a] != texts[b]]
    theirs = np.array([vectors[a] @ vectors[b] for a, b in apart])
    # What a new row meets is its nearest neighbour among all rows, not a random one.
    nearest = np.array(
        [_nearest(vectors, texts, categories, position) for position in rng.sample(range(len(texts)), 500)]
    )
    table = Table(title="Cosine of all-MiniLM-L6-v2")
    for title in ("threshold", "same", "different, any two", "different, the nearest of all"):
        table.add_column(title, justify="right")
    for threshold in (0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99):
        table.add_row(
            str(threshold),
            *(f"{(similarities >= threshold).mean():.3f}" for similarities in (ours, theirs, nearest)),
        )
    return table


def _nearest(vectors: np.ndarray, texts: list[str], categories: list[str], position: int) -> float:
    others = [
        i for i in range(len(texts)) if categories[i] != categories[position] and texts[i] != texts[position]
    ]
    return float((vectors[others] @ vectors[position]).max())


def _scores(scorer: Callable[[str, str], float], pairs: list[tuple[str, str]]) -> np.ndarray:
    return np.array([scorer(a.casefold(), b.casefold()) for a, b in pairs])


def _text(row: SampleTransaction) -> str:
    values = {name: getattr(row, name) for name in TransactionFields.__dataclass_fields__}
    return transaction_text(TransactionFields(**values))


def _spoilt(text: str, rng: random.Random) -> Iterator[str]:
    """The text with one careless change each."""
    words = text.split()
    at = rng.randrange(len(text) - 1)
    yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    parts = text.split(", ")
    yield ", ".join(rng.sample(parts, len(parts)))
    yield " ".join([*words, words[-1]])
    yield f"{text} {rng.randrange(100, 1000)}"
    yield text.upper()


def _of_one_merchant(rows: list[SampleTransaction], texts: list[str]) -> Iterator[tuple[str, str]]:
    blocks: dict[str, dict[str, str]] = defaultdict(dict)
    for row, text in zip(rows, texts, strict=True):
        blocks[merchant_key(row.merchant_name)][text] = row.category
    for block in blocks.values():
        for (a, category), (b, others) in combinations(block.items(), 2):
            if category != others:
                yield a, b


if __name__ == "__main__":
    main()
