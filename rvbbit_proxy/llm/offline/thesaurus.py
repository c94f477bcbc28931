"""Words of like meaning, by sense. Small on purpose: the senses people ask reports, reviews and tickets about.

A word of a sense stands for all of them. ``example`` is what a text of that sense says, for comparison by
embeddings; senses of one ``kind`` exclude each other, so that the nearest example decides between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rvbbit_proxy.llm.offline.words import stem


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning: the stems that say it, and sentences that are examples of it."""

    name: str
    kind: str
    stems: frozenset[str]
    examples: tuple[str, ...]


def _sense(name: str, kind: str, words: str, *examples: str) -> Sense:
    return Sense(name, kind, frozenset(map(stem, words.split())), examples)


SENSES = (
    _sense(
        "sight",
        "perception",
        """visual visually sight sighting eyewitness see saw seen watch view viewed observe observed spot spotted
        glimpse glimpsed look looked stare binoculars visible face eye""",
        "Saw a tall figure cross the road",
        "Watched an animal walk by in daylight",
        "Clear sighting of a large creature",
        "A large figure stood by the road and ran away",
        "Someone came face to face with it",
        "Drivers stopped for a creature on the road",
    ),
    _sense(
        "sound",
        "perception",
        """sound noise audio hear heard listen howl growl scream roar whoop moan vocalization vocalize knock cry
        yell bark footfall rumble loud bang thump echo pound""",
        "Heard howls and screams at night",
        "Wood knocks answered from across the valley",
        "Recorded a strange cry",
        "Banging on the wall and heavy steps outside",
    ),
    _sense(
        "smell",
        "perception",
        "smell smelled odor stench scent stink reek musky foul whiff gag olfactory",
        "A foul smell near the barn",
        "Rotten stench drifts in",
    ),
    _sense(
        "track",
        "perception",
        """footprint print track trackway cast handprint barefoot toe toed impression spoor trail_mark""",
        "Footprints found near the creek",
        "Line of large tracks in the mud",
        "Plaster cast made of a print",
    ),
    _sense(
        "structure",
        "perception",
        "structure shelter nest teepee arch stick snapped twisted sapling woven hair tuft carcass",
        "Stick structure found in the forest",
        "Branches broken and bent together",
        "Hair left on a fence",
        "Rocks thrown at people",
    ),
    _sense(
        "delivery",
        "service",
        "delivery deliver delivered shipping shipment ship shipped parcel package courier arrive arrived",
        "The package arrived late",
    ),
    _sense(
        "payment",
        "service",
        "payment pay paid bill billing invoice charge charged refund price fee cost money expensive",
        "I was charged twice on the invoice",
    ),
    _sense(
        "quality",
        "service",
        "quality broken break defect defective faulty damage damaged flaw crack cracked scratched malfunction",
        "The product broke after a day",
    ),
    _sense(
        "support",
        "service",
        "support service staff agent helpdesk representative customer rude helpful",
        "Customer service was no help",
    ),
    _sense("encounter", "event", "contact encounter meet met confront confronted approach approached"),
    _sense(
        "anger",
        "emotion",
        "anger angry furious outrage outraged mad annoyed annoying irritated complaint complain",
    ),
    _sense("joy", "emotion", "joy happy happiness delighted pleased glad love loved wonderful"),
    _sense("fear", "emotion", "fear afraid scared frightened terrified panic eerie cower dread"),
    _sense(
        "weather", "topic", "weather rain rainy snow snowy storm wind windy sunny fog cold heat hot temperature"
    ),
    _sense("vehicle", "topic", "vehicle car truck bus van motorcycle driver motorist"),
    _sense("animal", "topic", "animal creature beast wildlife dog cat horse deer bear"),
)


@cache
def senses_of(stem: str) -> tuple[Sense, ...]:
    """Return the senses a stem may have."""
    return tuple(sense for sense in SENSES if stem in sense.stems)
