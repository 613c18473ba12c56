"""The words of a model card, and what makes a value harmless in them."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from shared.transactions.formats import TextFormat
from shared.transactions.text import TransactionFields

_TEMPLATE = "card.md.jinja2"
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~!&])")

ABOUT: Mapping[str, str] = {
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
_OF_ENCODERS = "A similarity is no probability: what it takes to act without a person is calibrated apart."
_OF_RERANKERS = (
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


def render(**values: Any) -> str:
    """The card, every value escaped unless it is `Markup`; two of the same values are the same card."""
    return _template().render(**values)


def example(texts: TextFormat) -> dict[str, str]:
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


def code(kind: str, dimension: int | None, example: Mapping[str, str]) -> str:
    """Python that loads the folder `path` with plain sentence-transformers, and uses it."""
    if kind == "reranker":
        return _RERANKER_CODE.format(**example)
    return _ENCODER_CODE.format(cut=f", truncate_dim={dimension}" if dimension else "", **example)


def vectors(dimensions: Sequence[int], cut: int | None) -> str | None:
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


def limits(kind: str) -> tuple[str, ...]:
    """What to keep in mind."""
    return (*_LIMITS, _OF_RERANKERS if kind in {"reranker", "hosted_reranker"} else _OF_ENCODERS)


def escaped(value: Any) -> Any:
    """The value as text of one line that Markdown and a table show as it is; `Markup` as it is."""
    if isinstance(value, Markup):
        return value
    line = " ".join("".join(one if one.isprintable() else " " for one in str(value)).split())
    return _SPECIAL.sub(r"\\\1", line)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701  # Markdown, which `escaped` knows, and no HTML
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        finalize=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(_TEMPLATE)
