"""Generations."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.schemas.common import In, RowId
from api.schemas.datasets import Seed
from shared.jobs.kinds import GenerationParams


class GenerationIn(In):
    """What to make up. Real transactions never go into a prompt: the chart does, and approved candidates."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"style": "ambiguous", "count": 60, "choice": "by_need", "seed": 7, "max_tokens": 200_000}
            ]
        }
    )

    style: Literal["plain", "ambiguous", "adversarial", "paraphrase", "offline"] = Field(
        description="`plain`: everyday ones. `ambiguous`: several categories could fit. `adversarial`: what "
        "the active model confuses, by its last evaluation. `paraphrase`: other names for categories. "
        "`offline`: from the bundled sample, without an LLM."
    )
    count: Annotated[int, Field(ge=1, le=2000)] = Field(
        description="How many are asked for; those that are sound and new become candidates."
    )
    choice: Literal["balanced", "by_need"] = Field(
        default="balanced",
        description="`by_need`: more of categories with few labelled examples, or low recall in the active "
        "model's last evaluation.",
    )
    category_ids: Annotated[list[RowId], Field(max_length=1000)] = Field(
        default_factory=list, description="Only of these; empty: of all live ones."
    )
    seed: Seed = 0
    max_tokens: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        default=None, description="Prompt and completion together; no call that might pass it is made."
    )
    max_cost: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        default=None, description="In the currency of the settings' prices; the same."
    )

    def params(self) -> GenerationParams:
        """What the job takes."""
        return GenerationParams(**self.model_dump())
