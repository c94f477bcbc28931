"""extract: the first thing of a named kind, word for word.

Kinds with a form (email, phone, date, …) are found by pattern; people and places by capitals; anything else by the
clause that says the word asked for. None where there is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.offline.predicates import coverage
from rvbbit_proxy.llm.offline.registry import Items, offline_method
from rvbbit_proxy.llm.offline.words import STOP_WORDS, content_stems, sentences_of, stem

_MONTHS = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAYS = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_SMALL = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen|nineteen|twenty|thirty|forty|fifty|hundred|thousand"
)
_NUMBER = rf"\d[\d,]*(?:\.\d+)?|(?:{_SMALL})(?:[ -](?:{_SMALL}))*"
_COLORS = (
    "black|white|gr[ae]y|red|reddish(?:-brown)?|brown|blond|auburn|orange|yellow|green|blue|purple|pink|tan|silver"
    "|golden?|dark"
)
_NAME = r"[A-Z][a-z’']+(?:[ -][A-Z][a-z’']+)*"

PATTERNS: Mapping[str, str] = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]|\bwww\.[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]",
    "phone": r"(?<![\w.])\+?\(?\d[\d().\s-]{6,}\d(?!\w)",
    "date": rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}\b|\b{_MONTHS}\.? \d{{1,2}}"
    rf"(?:st|nd|rd|th)?(?:,? \d{{4}})?\b|\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTHS}(?:,? \d{{4}})?\b"
    rf"|\b{_MONTHS} \d{{4}}\b"
    rf"|\b{_DAYS}\b|\b(?:yesterday|today|tomorrow)\b",
    "time": r"\b\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]\.?m\.?)?|\b\d{1,2} ?[ap]\.?m\b\.?"
    rf"|\b(?:(?:{_SMALL}|early|late) in the |(?:in the )?(?:early|late) )?(?:morning|afternoon|evening)\b"
    r"|\b(?:midnight|noon|dawn|dusk|sunset|sunrise|night)\b",
    "price": r"(?:[$€£¥]|USD|EUR|GBP) ?\d[\d,]*(?:\.\d+)?|\b\d[\d,]*(?:\.\d+)?"
    r" ?(?:dollars|euros?|pounds|USD|EUR|€)",
    "percent": r"\b\d+(?:\.\d+)? ?(?:%|percent\b)",
    "year": r"\b(?:1[89]|20)\d\d\b",
    "number": rf"\b(?:{_NUMBER})\b",
    "measure": rf"\b(?:{_NUMBER})[ -](?:inch(?:es)?|feet|foot|yards?|miles?|metres?|meters?|km|cm|mm|kg|pounds"
    r"|degrees|hours?|minutes?|days?|weeks?|years?)\b",
    "ip": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    "hashtag": r"#\w+",
    "mention": r"(?<!\w)@\w+",
    "color": rf"\b(?:{_COLORS})\b",
    "weekday": rf"\b{_DAYS}\b",
    "month": rf"\b{_MONTHS}\b",
    "season": r"\b(?:spring|summer|autumn|fall|winter)\b",
    "person": rf"\b(?:Mr|Mrs|Ms|Dr|Prof)\.? {_NAME}|\b[A-Z][a-z]+ [A-Z][a-z]+\b",
    "place": rf"(?:\b(?:in|near|at|from|to|outside|around) (?:the )?)({_NAME})",
}
_KINDS = {
    "email": "email mail e-mail",
    "url": "url link website site homepage",
    "phone": "phone telephone mobile fax",
    "date": "date day when",
    "time": "time hour clock",
    "price": "price cost amount money sum fee total",
    "percent": "percent percentage rate",
    "year": "year",
    "number": "number count quantity digit figure",
    "measure": "size length distance height width weight measure measurement duration",
    "ip": "ip",
    "hashtag": "hashtag tag",
    "mention": "mention handle",
    "color": "color colour",
    "weekday": "weekday",
    "month": "month",
    "season": "season",
    "person": "person name people author customer who",
    "place": "place location city town country state where",
}
KIND_OF = {stem(word): kind for kind, words in _KINDS.items() for word in words.split()}
_CASED = frozenset({"person", "place", "month"})


@offline_method("extract")
def extract(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Take the first ``what`` out of ``text``."""
    asked = [{**arguments, **item} for item in items]
    return [extract_one(str(item["text"]), str(item["what"])) for item in asked]


def extract_one(text: str, what: str) -> str | None:
    """Return the first thing of this kind, None where there is none.

    >>> extract_one("Call +1 (555) 010-2345 or write ann@example.org", "the email address")
    'ann@example.org'
    """
    kinds = _kinds(what)
    for kind in kinds:
        found = re.search(PATTERNS[kind], text, re.NOFLAG if kind in _CASED else re.IGNORECASE)
        if found is not None:
            return (found[1] if found.re.groups else found[0]).strip()
    return None if kinds else _clause(text, what)


def _kinds(what: str) -> list[str]:
    """Return the kinds that a wish names; 'phone number' is a phone, so 'number' comes last."""
    words = re.findall(r"[\w-]+", what.lower())
    kinds = dict.fromkeys(KIND_OF[stem(word)] for word in words if stem(word) in KIND_OF)
    return sorted(kinds, key=lambda kind: kind in ("number", "person"))


def _clause(text: str, what: str) -> str | None:
    """Return the shortest of the clauses that say most of what is asked."""
    clauses = [clause for sentence in sentences_of(text) for clause in re.split(r"[,;:]\s|\s[–—-]\s", sentence)]
    scored = [(coverage(clause, what), -len(clause), clause) for clause in clauses if content_stems(clause)]
    best = max(scored, default=(0.0, 0, ""))
    return _trimmed(best[2]) if best[0] > 0 else None


def _trimmed(clause: str) -> str:
    words = clause.strip(" .,;:!?").split()
    while len(words) > 1 and words[0].lower() in STOP_WORDS:
        words.pop(0)
    return " ".join(words)
