"""sentiment: words with a value, turned by negation and strengthened by degree words. English only.

The sum s of the values becomes s / sqrt(s² + 15), as in Hutto & Gilbert 2014 (VADER); the word list is our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.offline.registry import Items, offline_method
from rvbbit_proxy.llm.offline.words import Word, stem, words_of

_VALUES = {
    3.0: """love loved adore amazing excellent fantastic superb wonderful outstanding perfect brilliant awesome
        magnificent thrilled delighted best exceptional flawless""",
    2.0: """good great happy glad pleased enjoy enjoyed beautiful friendly helpful impressed impressive recommend
        satisfied fun lovely nice delicious grateful thank thanks thankful success successful win winner
        delightful joy joyful comfortable reliable charming peaceful gorgeous favorite favourite""",
    1.0: """fine ok okay decent interesting easy useful safe fair pleasant polite
        welcome better improve improved smile liked remarkable""",
    -1.0: """slow late delay delayed odd confusing confused tired boring dull noisy dirty expensive difficult
        uneasy weird wait waiting unclear nervous uncomfortable ashamed strange""",
    -2.0: """bad sad angry annoyed annoying poor disappointed disappointing disappoint fail failed failure broken
        broke problem wrong worse rude hurt pain painful scared scary afraid fear frightened fright complaint
        complain complained useless unhappy upset worried worry sick eerie creepy panic foul rotten stench stink
        shaken menacing threatening cower danger dangerous ruined damage damaged cheated refund dead crash""",
    -3.0: """terrible awful horrible hate hated worst disgusting dreadful terrified terrifying horrific nightmare
        horror unacceptable disaster atrocious abysmal appalling pathetic furious kill killed""",
}
_EXACT = {word: value for value, words in _VALUES.items() for word in words.split()} | {"please": 0.0}
# 'friendly' says more than 'friend', so what -ly makes stands for itself only
_BY_STEM = {stem(word): value for word, value in _EXACT.items() if not word.endswith("ly")}
DEGREES = {
    **dict.fromkeys(("very", "really", "so", "extremely", "absolutely", "totally", "incredibly", "utterly"), 1.4),
    **dict.fromkeys(("slightly", "somewhat", "fairly", "rather", "little", "bit", "kinda", "partly"), 0.6),
}
NEGATED = -0.7
"""'not good' is bad, but less so than 'bad'."""


@offline_method("sentiment")
def sentiment(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Score the sentiment of ``text``, -1 to 1."""
    return [sentiment_score(str({**arguments, **item}["text"])) for item in items]


def sentiment_score(text: str) -> float:
    """Return the sentiment of a text, -1 (negative) to 1 (positive), 0 where no word says anything.

    >>> sentiment_score("not good") < 0 < sentiment_score("Wonderful, I love it!")
    True
    """
    words = words_of(text)
    total = sum(_value(words, index) for index, word in enumerate(words) if not _in_compound(text, word))
    return round(total / math.sqrt(total * total + 15), 4)


def _in_compound(text: str, word: Word) -> bool:
    """Tell whether a hyphen joins the word to another: a 'clear-cut' is not clear."""
    return text[word.end : word.end + 1] == "-" or text[max(0, word.start - 1) : word.start] == "-"


def _value(words: list[Word], index: int) -> float:
    word = words[index]
    # irregular forms share a stem with their base ('best' with 'good'), so the word as it stands comes first
    value = _EXACT.get(word.text, _BY_STEM.get(word.stem, 0.0))
    if value and index and words[index - 1].text in DEGREES:
        value *= DEGREES[words[index - 1].text]
    return value * NEGATED if word.negated else value
