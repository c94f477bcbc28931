"""The data of the seven tasks, with the truth planted in it: the same at every run.

A case is a customer's message of about 70 tokens that begins with its number (``Case 48213.``), by which the
scripted model finds it in any prompt. Its topic, name, order and degree of water damage are the truth. Texts are
plain ASCII without quotes, so that JSON and XML leave them as they are.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cached_property

from goods import GOODS, OTHER_KINDS

LATE = "late delivery"
TOPICS = (LATE, "damaged goods", "wrong invoice", "account access", "praise")
"""What a case is about; the labels of W7."""
LATE_SHARE = 1 / 3
"""Share of the cases of W1 that match: about 30 must be asked for 10 matches."""

OPENINGS = {
    LATE: (
        "My parcel should have been here nine days ago and it still has not come",
        "The delivery is more than two weeks late and nobody tells me why",
        "I have been waiting for the courier since the promised date went by last month",
        "You said three days for shipping, now it is the twelfth day and nothing arrived",
        "The order came so late that the birthday it was meant for was over",
    ),
    "damaged goods": (
        "When I opened the box the lid was cracked and one corner was crushed",
        "The glass front is broken and two screws were loose in the wrapping",
        "It arrived on time but the handle snapped off as soon as I touched it",
        "There is a deep scratch across the whole top and the paint is chipped",
        "Half of the pieces were shattered although the carton looked fine",
    ),
    "wrong invoice": (
        "The bill shows two items although I bought only one",
        "I was charged the full price and not the reduced one from your offer",
        "The amount taken from my card is higher than the sum on the receipt",
        "The tax on the invoice is wrong and the company name is missing",
        "You debited my account twice for the same purchase",
    ),
    "account access": (
        "I cannot sign in any more since I changed my phone",
        "The page for a new password sends me round in circles",
        "My profile is locked after three attempts and the code never works",
        "The app logs me out each time I open the basket",
        "I would like to change my mail address but the button is grey",
    ),
    "praise": (
        "I only want to say thank you, everything was perfect from start to end",
        "Your colleague on the phone was so kind and solved it in a minute",
        "I am delighted, this is the best purchase I made this year",
        "Great quality and a lovely handwritten card in the box, well done",
        "The whole family loves it, we will certainly buy from you again",
    ),
}
PRODUCTS = ("desk lamp", "coffee grinder", "bookcase", "garden chair", "rucksack", "wall clock", "tea set", "rug")
COLOURS = ("green", "dark blue", "white", "walnut", "grey", "red", "copper", "ivory")
CITIES = ("Lyon", "Graz", "Turin", "Leeds", "Bergen", "Ghent", "Porto", "Gdansk", "Tartu", "Malmo")
MONTHS = ("3 March", "11 April", "20 May", "6 June", "17 July", "28 August")
FIRST_NAMES = ("Anna", "Paul", "Maria", "Jan", "Ines", "Tom", "Vera", "Luca", "Nora", "Emil")
LAST_NAMES = ("Keller", "Novak", "Rossi", "Hansen", "Silva", "Brandt", "Moreau", "Kowal", "Lind", "Baker")
ASIDES = (
    "It was a present for my sister who has just moved into a new flat",
    "I had compared several shops before I decided on yours",
    "My neighbour owns the same one and recommended it to me",
    "We use it every day in the kitchen and sometimes in the office",
    "I ordered from the catalogue that came with the Sunday paper",
    "It stands in the hall next to the mirror and the coat rack",
)
CLOSINGS = (
    "Please write to me in the evening, I do not hear the phone at work.",
    "You can reach me on weekdays after five, or send me a letter.",
    "I look forward to hearing from you and send my regards.",
    "Kindly let me know what you need from me to go on.",
)
SOAKED = (
    "The cellar was flooded and the whole thing stood under water for two days, it is soaked through",
    "Rain poured through the roof onto it all night and the water ruined the wood completely",
)
DAMP = ("One side became a little damp near the window", "There is a faint ring where a wet cup once stood")
REGIONS = ("north", "south", "east", "west", "centre")


@dataclass(frozen=True, slots=True)
class Case:
    """A message and the truth about it; ``wetness`` is from 0 to 1, distinct where it is high."""

    code: str
    text: str
    topic: str
    name: str
    order: str
    wetness: float = 0.0


@dataclass(frozen=True, slots=True)
class Goods:
    """A text of the join: an item or a kind of goods; the two match when ``concept`` is the same."""

    text: str
    concept: int


@dataclass(frozen=True)
class Data:
    """All rows: ``messages`` for W1 to W3 as (case, year), ``groups`` for W4 as (case, region)."""

    messages: list[tuple[Case, int]]
    groups: list[tuple[Case, str]]
    items: list[Goods]
    kinds: list[Goods]
    ranked: list[Case]
    forms: list[Case]
    by_code: dict[str, Case] = field(repr=False)

    @cached_property
    def goods_by_text(self) -> dict[str, Goods]:
        """Items and kinds by their texts."""
        return {goods.text: goods for goods in (*self.items, *self.kinds)}


def make_data() -> Data:
    """Return the data."""
    chance = random.Random(20)
    codes = iter(chance.sample(range(10_000, 100_000), 3_000))

    def cases(count: int, topics: list[str], wetness: list[float] | None = None) -> list[Case]:
        wet = wetness or [0.0] * count
        return [_make_case(chance, next(codes), topics[i], wet[i]) for i in range(count)]

    judged = cases(
        1_200, [LATE if chance.random() < LATE_SHARE else chance.choice(TOPICS[1:]) for _ in range(1_200)]
    )
    grouped = cases(500, [chance.choice(TOPICS) for _ in range(500)])
    ranked = cases(200, [chance.choice(TOPICS[1:]) for _ in range(200)], _wetness(chance))
    forms = cases(500, [chance.choice(TOPICS) for _ in range(500)])
    return Data(
        messages=_with_repeats(chance, judged),
        groups=[(case, REGIONS[i % len(REGIONS)]) for i, case in enumerate(grouped)],
        items=[_make_item(chance, item, n) for n, (_, *items) in enumerate(GOODS) for item in items],
        kinds=[
            _make_kind(chance, kind, n) for n, kind in enumerate([kind for kind, *_ in GOODS] + list(OTHER_KINDS))
        ],
        ranked=ranked,
        forms=forms,
        by_code={case.code: case for case in (*judged, *grouped, *ranked, *forms)},
    )


def _make_case(chance: random.Random, code: int, topic: str, wetness: float) -> Case:
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    order = f"{chance.choice('ABCDEFGH')}{chance.randrange(1_000, 10_000)}"
    goods = f"{chance.choice(COLOURS)} {chance.choice(PRODUCTS)}"
    aside = chance.choice(ASIDES)
    if wetness:
        aside = chance.choice(SOAKED if wetness > 0.8 else DAMP)
    text = (
        f"Case {code}. This is {name} from {chance.choice(CITIES)}, order {order}, a {goods} of {chance.choice(MONTHS)}. "
        f"{chance.choice(OPENINGS[topic])}. {aside}. {chance.choice(CLOSINGS)}"
    )
    return Case(str(code), text, topic, name, order, wetness)


def _make_item(chance: random.Random, item: str, concept: int) -> Goods:
    lot = chance.randrange(1_000, 10_000)
    return Goods(
        f"{item}, lot {lot} from {chance.choice(CITIES)}; comes in a plain carton with a leaflet, has a guarantee of "
        f"{chance.choice(('one year', 'two years'))}, and may be sent back within thirty days",
        concept,
    )


def _make_kind(chance: random.Random, kind: str, concept: int) -> Goods:
    shelf, floor = chance.randrange(100, 1_000), chance.choice(("ground", "first", "second"))
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    return Goods(
        f"{kind} department; shelf {shelf} on the {floor} floor, looked after by {name}, open on weekdays from "
        "nine to six",
        concept,
    )


def _wetness(chance: random.Random) -> list[float]:
    """Return ten high degrees, thirty low ones, the rest none."""
    degrees = [0.90 + i / 100 for i in range(10)] + [0.20 + i / 100 for i in range(30)] + [0.0] * 160
    chance.shuffle(degrees)
    return degrees


def _with_repeats(chance: random.Random, cases: list[Case]) -> list[tuple[Case, int]]:
    """Return 2,000 rows over the 1,200 cases; the year 2020 has 210 of them with 202 distinct."""
    chosen, others = cases[:202], cases[202:]
    rows = [(case, 2020) for case in (*chosen, *chosen[:8])]
    rest = [*others, *chance.choices(others, k=2_000 - len(rows) - len(others))]
    rows += [(case, chance.choice((2021, 2022, 2023, 2024))) for case in rest]
    chance.shuffle(rows)
    return rows
