"""The scripted LLM's vocabulary: varied, seeded rows that show a category more or less plainly."""

import random
from functools import lru_cache
from typing import Any

from shared.generation.reference import Merchant, Place, load

_VAGUE = ("Q{n} renewal", "as agreed with {team}", "for the {city} team", "second part", "see ticket {n}", "")
_TEAMS = ("Sales", "Engineering", "Marketing", "People", "Finance", "Operations", "Legal", "Design")
_PROGRAMMES = ("General budget", "Growth", "Team card", "Project Atlas", "Q4 push", "Field work", "Run rate")


def key_of(row: dict[str, Any]) -> str:
    """By what a reviewer knows a row again, as the LLM gave it or as the API shows it."""
    return "|".join(str(row.get(name)) for name in ("merchant_name", "memo", "spend_program_name", "amount"))


@lru_cache(maxsize=1)
def _everywhere() -> list[Place]:
    reference = load()
    trips = {trip for purpose in reference.purposes for trip in purpose.trips if trip is not None}
    places = {office.name: office for office in (*reference.offices, *(trip.place for trip in trips))}
    return [places[name] for name in sorted(places)]


@lru_cache(maxsize=100)
def _merchants(category: str, *, is_shared: bool) -> list[tuple[Merchant, str]]:
    """Merchants that the bundled sample pays for the category, each with a spend programme.

    `is_shared`: only those that are paid for other categories, too. Another chart's categories get them all.
    """
    purposes = load().purposes
    own = [purpose for purpose in purposes if purpose.category == category] or list(purposes)
    others = {m.name for purpose in purposes if purpose.category != category for m in purpose.merchants}
    pairs = [(m, purpose.spend_programs[0]) for purpose in own for m in purpose.merchants]
    return [pair for pair in pairs if not is_shared or pair[0].name in others] or pairs


def row_of(
    category: dict[str, Any], rng: random.Random, *, is_hard: bool, is_adversarial: bool
) -> dict[str, Any]:
    """A row that shows the category by merchant, memo and programme, or in hard rounds by less of it."""
    merchant, programme = rng.choice(_merchants(category["name"], is_shared=is_hard))
    place = rng.choice([place for place in _everywhere() if merchant.sells_in(place)] or _everywhere())
    value = 10 ** rng.uniform(0.8, 3.4) * place.currency.per_usd
    team = rng.choice(category.get("departments") or _TEAMS)
    vague = rng.choice(_VAGUE).format(n=rng.randrange(1, 99), team=team, city=place.name.split(",")[0])
    plain = f"{rng.choice(category.get('examples') or [category['name']])}, {vague}".strip(", ")
    hint = " ".join((category.get("description") or category["name"]).split(",")[0].split(" ")[-2:])
    hard = vague if is_adversarial and rng.random() < 0.5 else f"{hint} {vague}".strip()
    return {
        "merchant_name": merchant.name,
        "merchant_descriptor": f"{merchant.name.upper()[:18]} {rng.randrange(1000, 9999)}",
        "merchant_category": list(merchant.category),
        "merchant_category_code": merchant.code,
        "department": team,
        "location": place.name,
        "amount": f"{value:.{place.currency.minor_units}f}",
        "currency": place.currency.code,
        "memo": (hard if is_hard else plain) or None,
        "spend_program_name": rng.choice(_PROGRAMMES) if is_hard else programme,
        "trip_name": None,
        "occurred_on": f"2026-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
    }
