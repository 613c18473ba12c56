"""What a scenario is given and what it returns."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class ScenarioResult:
    """One promise: how often it was tried, how often it held, and the figures measured meanwhile."""

    promise: str
    tried: int
    held: int
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """How often it did not hold."""
        return self.tried - self.held

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"lost": self.lost}


@dataclass(frozen=True)
class Options:
    """Sizes; the defaults are those of the promises. `flush_at`: with which kill the broker is flushed."""

    jobs: int = 500
    rows: int = 50
    flush_at: int = 3
    broker_kill_at: int = 6
    lease_s: float = 6.0
    frozen_lease_s: float = 60.0
    switches: int = 200
    away_s: float = 10.0
    overload_s: float = 60.0
    soak_s: float = 300.0


Scenario = Callable[[Options], ScenarioResult]


def checks(**held: bool) -> tuple[int, int, list[str]]:
    """How many conditions there are, how many hold, and the names of those that do not."""
    return len(held), sum(held.values()), [name for name, is_held in held.items() if not is_held]
