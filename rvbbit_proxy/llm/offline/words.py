"""Tokens, stems, stop words, negation and sentences of English text; other languages pass as plain tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

STOP_WORDS = frozenset(
    """
    a about above after again against all along also am an and another any are as at away be because been
    before being below between both but by came can cannot come could d did do does doing down during each
    either else ever every few for from further get go goes going got had has have having he her here hers
    herself him himself his how i if in into is it its itself just keep ll m made make makes me more most much
    my myself near next no nor not now of off on once one only onto or other our ours ourselves out over own
    past re s same she should since so some such t than that the their theirs them themselves then there these
    they this those through to too toward two under until up upon us ve very was we were what when where which
    while who whom why will with within without would yet you your yours yourself yourselves around across
    beside behind many still three four five
    """.split()
)
NEGATIONS = frozenset(
    """
    no not never none nothing nobody neither nor without cannot hardly barely scarcely lack lacks lacking
    isn't wasn't aren't weren't don't doesn't didn't won't wouldn't can't couldn't shouldn't hasn't haven't hadn't
    """.split()
)
NEGATION_REACH = 3
"""Words after a negation that it still turns round."""

_IRREGULAR = {
    "saw": "see", "seen": "see", "sees": "see", "heard": "hear", "found": "find", "felt": "feel", "ran": "run",
    "bought": "buy", "sent": "send", "paid": "pay", "broke": "break", "broken": "break", "lost": "lose",
    "left": "leave", "thrown": "throw", "threw": "throw", "smelt": "smell", "feet": "foot", "went": "go",
    "gone": "go", "told": "tell", "said": "say", "made": "make", "thought": "think", "wrote": "write",
    "written": "write", "knew": "know", "known": "know", "better": "good", "best": "good", "worse": "bad",
    "worst": "bad", "mice": "mouse", "men": "man", "women": "woman", "people": "person", "children": "child",
    "odours": "odor", "odour": "odor", "colour": "color", "coloured": "color",
}  # fmt: skip
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[^\W\d_a-z]|[\"'(\[]?\d)|\n{2,}")
_CLAUSE_END = re.compile(r"[.,;:!?()]|\bbut\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands (lower case), its stem, where it is, and whether a negation reaches it."""

    text: str
    stem: str
    start: int
    end: int
    negated: bool = False


def words_of(text: str) -> list[Word]:
    """Return a text's words in order.

    >>> [(w.stem, w.negated) for w in words_of("Never saw it, but heard howls")]
    [('never', False), ('see', True), ('it', True), ('but', False), ('hear', False), ('howl', False)]
    """
    found: list[Word] = []
    reach, clause_start = 0, 0
    for match in _TOKEN.finditer(text):
        word = match[0].lower().replace("’", "'")
        if word == "but" or _CLAUSE_END.search(text, clause_start, match.start()):
            reach = 0
        clause_start = match.end()
        found.append(Word(word, stem(word), match.start(), match.end(), reach > 0))
        reach = NEGATION_REACH if word in NEGATIONS else max(0, reach - 1)
    return found


def content_words(text: str) -> list[Word]:
    """Return the words that carry meaning: neither stop words nor negations."""
    return [word for word in words_of(text) if word.text not in STOP_WORDS and word.text not in NEGATIONS]


def content_stems(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order."""
    return [word.stem for word in content_words(text)]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return a word's stem: plural, -ed, -ing and -ly taken off, common irregular forms looked up.

    >>> [stem(word) for word in ("footprints", "heard", "crossing", "stopped", "cities", "observed", "bus")]
    ['footprint', 'hear', 'cross', 'stop', 'city', 'observ', 'bus']
    """
    word = word.removesuffix("'s")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    word = _without_plural(word)
    for suffix in ("ing", "ed", "ly"):
        base = word.removesuffix(suffix)
        if base != word and len(base) >= 3 and re.search("[aeiouy]", base):
            return _without_double(base)
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _without_plural(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_double(base: str) -> str:
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    return base[:-1] if len(base) > 4 and base.endswith("e") else base


def sentences_of(text: str) -> list[str]:
    """Return a text's sentences, trimmed, without empty ones.

    >>> sentences_of("It rained. Dr. Ann came! Why?")
    ['It rained.', 'Dr. Ann came!', 'Why?']
    """
    parts: list[str] = []
    for part in _SENTENCE.split(text):
        part = " ".join(part.split())
        if parts and re.search(r"\b(?:Mr|Mrs|Ms|Dr|St|vs|No|e\.g|i\.e)\.$", parts[-1]):
            parts[-1] += f" {part}"
        elif part:
            parts.append(part)
    return parts


def texts_in(value: object) -> list[str]:
    """Return the texts of a list (NULLs dropped), or of one text."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [] if value is None else [str(value)]
    return [str(text) for text in value if text is not None]
