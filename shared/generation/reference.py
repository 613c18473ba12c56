"""The tables behind the bundled sample: real merchants, where they trade, and what they are paid for.

Merchant category codes and names are those of ISO 18245; the `group` beside each is the wider name that card
issuers print next to it. Codes that card networks keep for a single airline or hotel chain are left out in
favour of the general ones (4511, 7011). Currency rates are rounded and only give amounts a plausible size.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Currency:
    """An ISO 4217 currency: units per US dollar, and how many decimal places its amounts have."""

    code: str
    per_usd: float
    minor_units: int


@dataclass(frozen=True)
class Place:
    """A city, its ISO 3166 country and its currency; at an office, money is spent without a trip too."""

    name: str
    country: str
    currency: Currency
    is_office: bool


@dataclass(frozen=True)
class Merchant:
    """A merchant in one line of its business; no `countries` means that it sells everywhere."""

    name: str
    code: str
    category: tuple[str, ...]
    countries: frozenset[str]
    descriptor: str

    def sells_in(self, place: Place) -> bool:
        """Whether the merchant trades in the place's country."""
        return not self.countries or place.country in self.countries


@dataclass(frozen=True)
class Trip:
    """A named journey of a few days to one place."""

    name: str
    place: Place
    starts_on: date


@dataclass(frozen=True)
class Purpose:
    """One reason to spend, filed under one category: who pays, where, within what, and how much (US dollars).

    The merchants of a purpose serve other purposes as well; that is what makes the sample ambiguous.
    `trips` holds None where the purpose also occurs without a journey.
    """

    category: str
    weight: int
    merchants: tuple[Merchant, ...]
    departments: tuple[str, ...]
    spend_programs: tuple[str, ...]
    trips: tuple[Trip | None, ...]
    usd: tuple[float, float]
    memos: tuple[str, ...]


@dataclass(frozen=True)
class SampleCategory:
    """An account of the chart: general-ledger code, name, and what is said about it."""

    code: str
    name: str
    description: str
    examples: tuple[str, ...]
    departments: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """All tables, joined."""

    categories: tuple[SampleCategory, ...]
    purposes: tuple[Purpose, ...]
    offices: tuple[Place, ...]


def _rows(name: str) -> list[dict[str, Any]]:
    text = (resources.files("shared.generation") / "data" / f"{name}.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def _merchants() -> dict[str, Merchant]:
    codes = {row["code"]: row for row in _rows("merchant_category_codes")}
    return {
        row["key"]: Merchant(
            name=row["name"],
            code=row["mcc"],
            category=(codes[row["mcc"]]["name"], codes[row["mcc"]]["group"]),
            countries=frozenset(row["countries"]),
            descriptor=row.get("descriptor", row["name"]),
        )
        for row in _rows("merchants")
    }


@lru_cache(maxsize=1)
def load() -> Reference:
    """Read and join the tables of the package; an unknown key among them raises KeyError."""
    currencies = {row["code"]: Currency(**row) for row in _rows("currencies")}
    places = {
        row["name"]: Place(**{**row, "currency": currencies[row["currency"]]}) for row in _rows("places")
    }
    trips = {
        row["name"]: Trip(row["name"], places[row["place"]], date.fromisoformat(row["starts_on"]))
        for row in _rows("trips")
    }
    merchants = _merchants()
    categories = tuple(
        SampleCategory(
            **{**row, "examples": tuple(row["examples"]), "departments": tuple(row["departments"])}
        )
        for row in _rows("categories")
    )
    names = {category.code: category.name for category in categories}
    purposes = tuple(
        Purpose(
            category=names[row["category"]],
            weight=row["weight"],
            merchants=tuple(merchants[key] for key in row["merchants"]),
            departments=tuple(row["departments"]),
            spend_programs=tuple(row["spend_programs"]),
            trips=tuple(None if name is None else trips[name] for name in row["trips"]),
            usd=(row["usd"][0], row["usd"][1]),
            memos=tuple(row["memos"]),
        )
        for row in _rows("purposes")
    )
    return Reference(categories, purposes, tuple(place for place in places.values() if place.is_office))
