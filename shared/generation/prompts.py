"""What the LLM is told: templates in files, each with a version that its candidates carry."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from jinja2 import DictLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

SYSTEM = "system.jinja2"
STYLES = ("plain", "ambiguous", "adversarial", "paraphrase")

_FENCE = re.compile(r"<\s*/?\s*data\b", re.IGNORECASE)


def version(style: str) -> str:
    """Changes whenever a word of the style's prompt does: no edit can forget to count up."""
    texts = _templates()
    digest = hashlib.sha256(f"{texts[SYSTEM]}\x1f{texts[f'{style}.jinja2']}".encode()).hexdigest()
    return f"{style}-{digest[:12]}"


def render(style: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The messages, as (role, text); everything of the organisation's stands inside <data> … </data>."""
    environment = _environment()
    system = environment.get_template(SYSTEM).render()
    return [("system", system), ("user", environment.get_template(f"{style}.jinja2").render(values))]


def fenced(value: Any) -> str:
    """The value as JSON between the marks that the system prompt explains; it cannot hold those marks."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return f"<data>\n{_FENCE.sub('(mark removed)', text)}\n</data>"


@lru_cache(maxsize=1)
def _templates() -> dict[str, str]:
    folder = resources.files("shared.generation") / "prompts"
    names = (SYSTEM, *(f"{style}.jinja2" for style in STYLES))
    return {name: (folder / name).read_text("utf-8") for name in names}


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # No HTML is made here: what keeps data from being read as orders is the fence, not escaping.
    environment = ImmutableSandboxedEnvironment(
        loader=DictLoader(_templates()), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["fenced"] = fenced
    return environment
