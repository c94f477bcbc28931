"""The phrases that ``make_sightings`` puts together, by kind of report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of report. ``classes`` weighs the classes A, B and C; ``slots`` are phrases of its own."""

    name: str
    weight: int
    classes: tuple[int, int, int]
    titles: Sequence[str]
    events: Sequence[str]
    details: Sequence[str]
    slots: Mapping[str, Sequence[str]]


ANY_SLOTS: Mapping[str, Sequence[str]] = {
    "who": (
        "elk hunter", "fishing guide", "retired deputy", "trail crew", "truck driver", "family of four",
        "beekeeper", "night nurse", "rancher", "mushroom picker", "bow hunter", "park ranger", "college student",
        "survey crew", "grandmother", "scout troop", "dog walker", "kayaker", "logger", "couple",
    ),
    "place": (
        "logging road", "creek", "old quarry", "reservoir", "power line cut", "county road", "beaver pond",
        "apple orchard", "switchback", "boat ramp", "gravel pit", "hay field", "fire lookout", "river bend",
        "cedar swamp", "railway grade", "trailhead", "abandoned homestead", "meadow", "clear-cut",
    ),
    "water": ("creek", "beaver pond", "reservoir", "spring", "irrigation ditch", "slough"),
    "time": (
        "at dusk", "just before dawn", "in broad daylight", "shortly after midnight", "in the early evening",
        "around three in the morning", "late in the afternoon", "as the fog lifted", "under a full moon",
    ),
    "with": (
        "my wife", "my cousin", "two friends", "my father", "my son", "a coworker", "my hunting partner",
        "our neighbour", "my sister", "nobody but my dog",
    ),
    "duration": ("ten seconds", "half a minute", "about two minutes", "most of an hour", "a minute or so"),
    "distance": ("thirty yards", "sixty feet", "a hundred yards", "two hundred yards", "the length of a bus"),
    "activity": (
        "driving home from a late shift", "packing up camp", "scouting for elk", "picking huckleberries",
        "checking fence", "fishing the evening hatch", "hauling firewood", "walking the dogs",
        "hiking a loop trail", "sitting in a tree stand", "paddling back to the landing",
        "looking for a lost heifer",
    ),
}  # fmt: skip

OPENINGS: Sequence[str] = (
    "I was {activity} near the {place} with {with}.",
    "This happened {time}, while I was {activity}.",
    "My name is not important, but I have hunted that country for thirty years.",
    "It was a quiet {season} evening and {with} and I were camped by the {place}.",
    "We had pulled over at the {place} to check a tire {time}.",
    "In {season} I work alone out past the {place}.",
    "{with} and I had just finished supper {time}.",
    "I had stopped by the {place} because the dogs refused to go further.",
    "We own the land behind the {place} and know every animal on it.",
    "I am a sceptic, and I still do not know what to make of it.",
    "The {season} rain had just let up and the woods were dripping.",
    "I was {activity}; {with} stayed behind at the {place}.",
    "{time} I was {activity}, about a mile from the {place}.",
    "I drive a school bus and pass the {place} twice a day.",
    "Our camp was on the far side of the {place}, away from the other campers.",
    "{with} called me over to the {place} and whispered to be quiet.",
    "The power was out, so {with} and I were sitting on the porch {time}.",
    "I am writing this down for {with}, who was {activity} when it happened.",
)

ENDINGS: Sequence[str] = (
    "We packed up and left within the hour.",
    "I told nobody about it for years.",
    "My dog would not leave the truck after that.",
    "I went back the next day and found nothing else.",
    "The sheriff took a report and that was the end of it.",
    "{with} still will not talk about it.",
    "I have not been back to the {place} since.",
    "A neighbour told us later that it was not the first time.",
    "I honestly felt more curious than scared.",
    "I have never been so frightened in my life.",
    "We laughed about it afterwards, but not very loudly.",
    "It was a beautiful and strangely peaceful moment.",
    "I am glad it happened and I would love to know more.",
    "I sold the trailer the same month.",
    "I shouted, and my voice shook so badly that I was ashamed of it.",
    "If anyone else has reported something from there, please call me.",
)

VISUAL = Kind(
    name="visual",
    weight=38,
    classes=(70, 25, 5),
    titles=(
        "Saw a {adjective} {figure} cross the {place}",
        "Clear sighting of {adjective} {figure} near {place}",
        "{who} watches {adjective} {figure} walk along {place}",
        "{adjective} {figure} seen standing by the {place} {time}",
        "Motorist brakes for {adjective} {figure} on the {place}",
        "{figure} stepped out of the trees and looked at {who}",
        "{who} sees {figure} from {distance} away",
        "Daylight view of {adjective} {figure} at the {place}",
        "{figure} crouched at the {place}, then ran on two legs",
        "Spotted a {figure} through binoculars above the {place}",
        "Face to face with a {adjective} {figure} {time}",
        "Headlights lit up a {adjective} {figure} at the {place}",
        "{who} observed {figure} drinking from {water}",
        "Witness describes {adjective} {figure} striding over the {place}",
        "Two {figures} observed at the {place} {time}",
    ),
    events=(
        "A {adjective} {figure} stepped out of the timber and crossed in front of us in three strides.",
        "I looked up and saw a {figure} standing upright beside the {place}, watching me.",
        "Through the scope I could see a {adjective} {figure} walking on two legs along the ridge.",
        "My headlights caught a {figure}, easily eight feet tall, at the edge of the {place}.",
        "What I took for a stump stood up, and it was a {adjective} {figure}.",
        "The {figure} came down to the {water}, knelt and drank, and I watched it for {duration}.",
        "We both saw the {figure} turn its whole upper body to look back at us.",
        "At {distance} I had a clear view of a {adjective} {figure} moving between the trees.",
        "A {figure} was sitting on a log by the {place}, pulling at the bark, until it noticed us.",
        "I had the {adjective} {figure} in plain sight for {duration} before it walked off.",
        "The {figure} reached up, pulled down a branch and looked straight at {with}.",
    ),
    details=(
        "The arms hung almost to the knees and the head sat low, as if there were no neck.",
        "Its hair was dark brown, longer on the forearms, and wet from the rain.",
        "The eyes shone amber and it did not blink for {duration}.",
        "I could see muscle move under the hair on its legs and shoulders.",
        "It was no bear: it walked upright the whole way and never dropped to all fours.",
        "The face was flat and grey, more like a man's than an ape's.",
        "It covered the {place} in a few steps and was gone, making no sound at all.",
        "Nothing but the way it moved, smooth and fast, told me it was not a person in a suit.",
    ),
    slots={
        "adjective": (
            "tall", "dark", "large", "huge", "reddish", "broad-shouldered", "grey-haired", "massive", "long-armed",
            "upright", "shaggy",
        ),
        "figure": (
            "figure", "biped", "hairy creature", "man-like shape", "ape-like animal", "creature",
            "hair-covered figure", "Bigfoot", "two-legged animal",
        ),
        "figures": ("hairy figures", "creatures of different sizes", "dark bipeds", "upright animals"),
    },
)  # fmt: skip

TRACKS = Kind(
    name="tracks",
    weight=19,
    classes=(5, 70, 25),
    titles=(
        "Footprints found along {surface} trail",
        "{size} footprints in {surface} ground near {place}",
        "{who} finds line of {size} tracks by {place}",
        "{size} barefoot prints discovered at {place}",
        "Five-toed tracks cross the {place} after {weather}",
        "Plaster cast made of {size} print at the {place}",
        "Trackway followed for {distance} past the {place}",
        "{surface} trail holds {size} footprints {time}",
        "Possible footprints photographed on {surface} bank of {place}",
        "{who} measures deep print left in {surface} soil",
        "Handprint and footprints on {surface} ground by {place}",
    ),
    events=(
        "We came upon a line of bare footprints, {size}, pressed into the {surface} ground.",
        "In the morning there were {size} tracks around the {place}, five toes each.",
        "I measured the best print with a tape: it was {inches} inches long and two inches deep.",
        "The tracks led from the {place} straight up a bank that none of us could climb.",
        "After {weather} a single trackway showed up on the {surface} bank, one foot in front of the other.",
        "My boot beside the footprint looked like a child's shoe.",
    ),
    details=(
        "The stride was close to five feet and never changed.",
        "There was no claw mark and no arch, and the toes had spread in the mud.",
        "I poured plaster into two of them and still have the casts.",
        "I weigh two hundred pounds and my own boots left hardly a mark beside them.",
        "They ended at the creek and we could not pick them up on the other side.",
        "I took photographs with a dollar bill for scale.",
    ),
    slots={
        "size": ("sixteen-inch", "fourteen-inch", "eighteen-inch", "very wide", "oversized", "huge"),
        "inches": ("fourteen", "fifteen", "sixteen and a half", "eighteen", "nearly twenty"),
        "surface": ("muddy", "snowy", "sandy", "frozen", "soft", "dusty", "freshly graded"),
        "weather": ("heavy rain", "the first snow", "a week of thaw", "a summer storm"),
    },
)  # fmt: skip

VOCALS = Kind(
    name="vocalization",
    weight=17,
    classes=(2, 75, 23),
    titles=(
        "{sounds} heard after midnight",
        "{sounds} heard from the {place} {time}",
        "{who} hears {sounds} across the valley",
        "Long {sound} answered by another near {place}",
        "Loud {sound} wakes {who} {time}",
        "{sounds} recorded on a phone by {who}",
        "Unknown animal's {sound} echoes over the {place}",
        "Dogs cower as {sounds} come from the woods",
        "Never saw it, but heard {sounds} close to the {place}",
        "Eerie {sound} follows {who} down the {place}",
    ),
    events=(
        "A {sound} started low and climbed until I could feel it in my chest.",
        "We heard {sounds} from the direction of the {place}, three in a row.",
        "Something let out a {sound} that went on for {duration}.",
        "The coyotes had been singing, then came a {sound} and every one of them went quiet.",
        "Two animals were calling to each other with {sounds} from opposite sides of the valley.",
        "I recorded {sounds} on my phone, though the wind is louder than I would like.",
    ),
    details=(
        "I have heard cougar, fox, owl and elk, and it was none of them.",
        "It had the volume of a siren and the rasp of a voice.",
        "Whatever made it moved from one ridge to the next in no time.",
        "In between there was something like chatter, almost speech.",
        "We never saw anything; the flashlight showed only trees.",
        "The last one came from much closer, maybe {distance}.",
    ),
    slots={
        "sound": ("howl", "scream", "whoop", "moan", "growl", "roar"),
        "sounds": (
            "howls",
            "screams",
            "whoops",
            "deep growls",
            "strange vocalizations",
            "siren-like moans",
            "roars",
        ),
    },
)

KNOCKS = Kind(
    name="knocks",
    weight=13,
    classes=(2, 73, 25),
    titles=(
        "Wood knocks and rocks thrown at camp",
        "{objects} thrown at {who} by the {place}",
        "Wood knocks answered from across the {place}",
        "{knocks} circle the tent {time}",
        "{objects} land in camp near {place}",
        "{who} hears {knocks} by the {place}",
        "{knocks} and tree shaking by the {place}",
        "Something pounds on the {building} wall {time}",
        "Series of {knocks} heard while {activity}",
    ),
    events=(
        "We heard {knocks} from the hillside, then an answer from behind us.",
        "{objects} began to land around the fire, one every few minutes.",
        "Something hit the wall of the {building} hard enough to knock a cup off the shelf.",
        "I struck a tree with a bat for fun and got three {knocks} back.",
        "From across the {place} we could hear wood striking wood, always in pairs.",
        "{objects} came out of the dark and rolled to my feet.",
    ),
    details=(
        "Whoever threw them stayed out of sight and did not answer when we shouted.",
        "The knocks were evenly spaced, nothing like a branch in the wind.",
        "None of them hit us, as if they were only meant to move us along.",
        "It went on for {duration} and stopped when I started the truck.",
        "In the morning we picked up eleven stones that had not been there before.",
        "There was no wind that night.",
    ),
    slots={
        "objects": ("rocks", "pine cones", "fist-sized stones", "clods of dirt", "pebbles", "chunks of bark"),
        "knocks": ("wood knocks", "tree knocks", "heavy footfalls", "loud knocks", "sharp cracks"),
        "building": ("cabin", "camper", "trailer", "tool shed", "hunting shack"),
    },
)

SMELL = Kind(
    name="smell",
    weight=9,
    classes=(1, 54, 45),
    titles=(
        "Strong {odour} smell near {building}",
        "{odour} odour drifts over the {place} {time}",
        "{who} gags at {odour} stench by {place}",
        "Nothing seen, only a {odour} smell at the {place}",
        "{odour} smell and a feeling of being followed",
        "Overpowering {odour} odour wakes {who} in the {building}",
        "Horses panic as {odour} stench rolls in from {place}",
    ),
    events=(
        "A {odour} smell rolled in so thick that {with} started to cough.",
        "The whole {building} filled with a {odour} stench and then it was gone.",
        "Near the {place} the air turned {odour}, like nothing I have smelled before.",
        "I noticed a {odour} odour first, and then how silent the woods had become.",
    ),
    details=(
        "It was like a wet dog that had rolled in something dead.",
        "There was no carcass anywhere, and we searched.",
        "The horses fought their ropes until it passed.",
        "It came and went with the wind for {duration}.",
        "Skunk is the closest word for it, but it was heavier and sweeter.",
    ),
    slots={
        "odour": ("musky", "rotten", "sulphurous", "foul", "skunk-like", "wet-dog", "sour"),
        "building": ("cabin", "camper", "barn", "chicken coop", "tent"),
    },
)

STRUCTURES = Kind(
    name="structure",
    weight=7,
    classes=(0, 35, 65),
    titles=(
        "{structure} found by the {place}",
        "{who} discovers {structure} off the trail",
        "{structure} blocks the path to the {place}",
        "Strange {structure} appears overnight near {place}",
        "Tufts of {hair} hair on a {fence} by the {place}",
        "Deer carcass left beside {structure} at the {place}",
    ),
    events=(
        "We found a {structure} that no storm could have made.",
        "Someone or something had built a {structure} beside the {place}.",
        "The trunks were twisted off eight feet up and leaned into a {structure}.",
        "A tuft of {hair} hair was caught on a {fence}, higher than I can reach.",
    ),
    details=(
        "There were no saw cuts and no tire tracks within a mile.",
        "Every piece was thicker than my leg and still green.",
        "I bagged some of the hair and sent it to a university, which never wrote back.",
        "It was not there the week before.",
    ),
    slots={
        "structure": (
            "stick structure", "woven shelter of branches", "arch of bent saplings", "row of snapped trees",
            "teepee of logs", "nest of ferns",
        ),
        "hair": ("coarse black", "reddish-brown", "long grey"),
        "fence": ("barbed-wire fence", "fir branch", "gate post", "cabin window frame"),
    },
)  # fmt: skip

KINDS: Sequence[Kind] = (VISUAL, TRACKS, VOCALS, KNOCKS, SMELL, STRUCTURES)
