"""Writes ``sightings.csv`` and ``truth.csv``: witness reports put together from phrases, always the same ones.

Everything here is invented: places are real counties, people and events are not. ``truth.csv`` says what kind
of report each row is, so that tests can measure the precision and recall of an operator; it is never loaded
into a database. Run: ``python -m rvbbit_proxy.demo.make_sightings``.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path

from rvbbit_proxy.demo.phrases import ANY_SLOTS, ENDINGS, KINDS, OPENINGS, Kind

SEED = 20261121
ROWS = 312
DUPLICATE_TITLES = 0.12
"""Share of rows that repeat another row's title; a third of them repeat its report as well."""
NULL_TITLES = 0.03
NULL_REPORTS = 0.03

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Place:
    """A county: its rough middle in degrees, and how warm it is against the average, in °F."""

    county: str
    latitude: float
    longitude: float
    warmer: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One row of the table; None is NULL."""

    id: int
    state: str
    county: str
    season: str
    year: int
    observed_on: str
    title: str | None
    observed: str | None
    class_: str
    temperature: float | None
    latitude: float
    longitude: float


STATES: Mapping[str, tuple[int, tuple[Place, ...]]] = {
    "Washington": (
        20,
        (
            Place("Skamania", 46.02, -121.91),
            Place("Snohomish", 48.05, -121.72),
            Place("Lewis", 46.58, -122.39),
            Place("Grays Harbor", 47.15, -123.77),
            Place("Okanogan", 48.55, -119.74),
        ),
    ),
    "California": (
        16,
        (
            Place("Humboldt", 40.7, -123.87, 4),
            Place("Del Norte", 41.74, -123.9, 3),
            Place("Siskiyou", 41.59, -122.54, 2),
            Place("Tuolumne", 38.03, -119.96, 6),
        ),
    ),
    "Oregon": (
        12,
        (
            Place("Clackamas", 45.19, -122.22),
            Place("Josephine", 42.37, -123.56, 3),
            Place("Wallowa", 45.58, -117.18, -5),
            Place("Linn", 44.49, -122.54),
        ),
    ),
    "Florida": (
        10,
        (Place("Levy", 29.28, -82.79, 20), Place("Collier", 26.11, -81.4, 24), Place("Marion", 29.21, -82.06, 20)),
    ),
    "Ohio": (
        9,
        (Place("Portage", 41.17, -81.2), Place("Guernsey", 40.05, -81.49, 1), Place("Athens", 39.33, -82.05, 2)),
    ),
    "Texas": (
        7,
        (
            Place("Hardin", 30.33, -94.39, 18),
            Place("San Jacinto", 30.58, -95.17, 17),
            Place("Cass", 33.08, -94.34, 13),
        ),
    ),
    "Michigan": (6, (Place("Oscoda", 44.68, -84.13, -6), Place("Marquette", 46.66, -87.58, -9))),
    "Georgia": (5, (Place("Fannin", 34.86, -84.32, 9), Place("Elbert", 34.12, -82.84, 11))),
    "Idaho": (4, (Place("Bonner", 48.3, -116.6, -5), Place("Shoshone", 47.35, -115.89, -6))),
    "Pennsylvania": (4, (Place("Westmoreland", 40.31, -79.47), Place("Elk", 41.43, -78.65, -3))),
    "Colorado": (3, (Place("Park", 39.12, -105.72, -9), Place("La Plata", 37.29, -107.84, -4))),
    "Oklahoma": (2, (Place("Le Flore", 34.9, -94.7, 10), Place("Adair", 35.88, -94.66, 9))),
}
"""State: weight, counties."""

SEASONS: Mapping[str, tuple[int, int, int]] = {
    "Spring": (3, 55, 20),
    "Summer": (6, 72, 30),
    "Fall": (9, 50, 35),
    "Winter": (12, 33, 15),
}
"""Season: first month, average °F, weight."""


def fill(template: str, chance: random.Random, slots: Mapping[str, Sequence[str]]) -> str:
    """Put a random phrase into every ``{slot}``; phrases may hold slots themselves."""
    while "{" in template:
        name = template[template.index("{") + 1 : template.index("}")]
        phrase = chance.choice(slots[name] if name in slots else ANY_SLOTS[name])
        template = template.replace("{" + name + "}", phrase, 1)
    return template


def polished(text: str) -> str:
    """Return the text with a capital first letter and ``an`` before vowels.

    >>> polished("a ape-like animal near a university")
    'An ape-like animal near a university'
    """
    text = re.sub(r"\b([Aa]) (?=[aeio]|up|unk)", r"\1n ", text)
    return text[:1].upper() + text[1:]


def write_report(kind: Kind, slots: Mapping[str, Sequence[str]], chance: random.Random) -> str:
    """Return two to four sentences: where we were, what happened, what it was like, what we did."""
    parts = [chance.choice(OPENINGS), chance.choice(kind.events)]
    if chance.random() < 0.75:
        parts.append(chance.choice(kind.details))
    if chance.random() < 0.5:
        parts.append(chance.choice(ENDINGS))
    return " ".join(polished(fill(part, chance, slots)) for part in parts)


def day_in(season: str, year: int, chance: random.Random) -> date:
    """Return a day of the season; a winter starts in December of the year before."""
    month, _, _ = SEASONS[season]
    start = date(year - 1 if month == 12 else year, month, 1)
    return start + timedelta(days=chance.randrange(90))


def choose_kind(chance: random.Random) -> Kind:
    """Return a kind of report by weight."""
    return chance.choices(KINDS, [kind.weight for kind in KINDS])[0]


def settled(kind: Kind, season: str, chance: random.Random) -> dict[str, Sequence[str]]:
    """Return the kind's phrases with what must agree within one row chosen: where, when, with whom."""
    chosen = {name: (chance.choice(ANY_SLOTS[name]),) for name in ("place", "time", "with")}
    return {**kind.slots, **chosen, "season": (season.lower(),)}


def new_title(kind: Kind, slots: Mapping[str, Sequence[str]], taken: set[str], chance: random.Random) -> str:
    """Return a headline that no row has yet."""
    while True:
        title = polished(fill(chance.choice(kind.titles), chance, slots))
        if title not in taken:
            taken.add(title)
            return title


def make_sighting(number: int, kind: Kind, taken: set[str], chance: random.Random) -> Sighting:
    """Return one row, all of its columns filled."""
    state = chance.choices(list(STATES), [weight for weight, _ in STATES.values()])[0]
    place = chance.choice(STATES[state][1])
    season = chance.choices(list(SEASONS), [weight for _, _, weight in SEASONS.values()])[0]
    year = min(2025, int(chance.triangular(1974, 2026, 2008)))
    slots = settled(kind, season, chance)
    return Sighting(
        id=number,
        state=state,
        county=place.county,
        season=season,
        year=year,
        observed_on=day_in(season, year, chance).isoformat(),
        title=new_title(kind, slots, taken, chance),
        observed=write_report(kind, slots, chance),
        class_=chance.choices("ABC", kind.classes)[0],
        temperature=round(chance.gauss(SEASONS[season][1] + place.warmer, 7), 1),
        latitude=round(chance.gauss(place.latitude, 0.08), 5),
        longitude=round(chance.gauss(place.longitude, 0.1), 5),
    )


def make_sightings(chance: random.Random) -> Iterator[tuple[Sighting, str]]:
    """Yield every row with the name of its kind."""
    written: list[tuple[Sighting, str]] = []
    taken: set[str] = set()
    for number in range(1, ROWS + 1):
        kind = choose_kind(chance)
        row = make_sighting(number, kind, taken, chance)
        name = kind.name
        if written and chance.random() < DUPLICATE_TITLES:
            other, name = chance.choice(written)
            observed = other.observed if chance.random() < 1 / 3 else row.observed
            if name != kind.name:
                observed = other.observed
            row = replace(row, title=other.title, observed=observed)
        written.append((row, name))
    for row, name in written:
        yield with_nulls(row, chance), name


def with_nulls(row: Sighting, chance: random.Random) -> Sighting:
    """Return the row with what a witness forgot to fill in left out."""
    fate = chance.random()
    if fate < NULL_TITLES:
        row = replace(row, title=None)
    elif fate < NULL_TITLES + NULL_REPORTS:
        row = replace(row, observed=None)
    if chance.random() < 0.08:
        row = replace(row, temperature=None)
    return row


def main() -> None:
    """Write both files beside this one."""
    rows = list(make_sightings(random.Random(SEED)))
    with (FOLDER / "sightings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name.rstrip("_") for field in fields(Sighting))
        writer.writerows(astuple(row) for row, _ in rows)
    with (FOLDER / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "kind"))
        writer.writerows((row.id, name) for row, name in rows)


if __name__ == "__main__":
    main()
