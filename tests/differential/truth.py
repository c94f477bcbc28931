"""What the operators answer in this test: pure functions, said once in Python and once in each upstream's SQL.

Scores are multiples of a quarter, so that sums of them do not depend on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from fake_door import FakeDoor, reply
from numpy.typing import NDArray

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.llm.observed import Observed
from rvbbit_proxy.llm.request import ModelReply, ModelRequest

Item = Mapping[str, Any]


def _matches(item: Item) -> bool:
    return item["criterion"].lower() in item["text"].lower()


def _score(item: Item) -> float:
    text, topic = item["text"], item["criterion"]
    return (len(text) * 3 + len(topic) + text.find(topic) + 1) % 5 / 4


def _classify(item: Item) -> str:
    labels: list[str] = item["labels"].split(",")
    return labels[len(item["text"]) % 2]


def _summarize(item: Item) -> str:
    instruction = item.get("instruction")
    return ("" if instruction is None else instruction + "#") + "<" + "|".join(item["texts"]) + ">"


ANSWERS: Mapping[str, Callable[[Item], Any]] = {
    "semantic_matches": _matches,
    "semantic_score": _score,
    "sentiment": lambda item: (len(item["text"]) % 5 - 2) / 2,
    "condense": lambda item: "<" + item["text"][:2],
    "classify": _classify,
    "extracts": lambda item: item["what"] if item["what"] in item["text"] else None,
    "ask": lambda item: item["question"] + ":" + item["text"],
    "summarize": _summarize,
    "themes": lambda item: list(item["texts"][: item["n"]]),
}
"""By cascade: the answer to one item."""

_SQL = {
    "semantic_matches(a text, b text) boolean": "strpos(lower(a), lower(b)) > 0",
    "semantic_score(a text, b text) double precision": (
        "CAST((length(a) * 3 + length(b) + strpos(a, b)) % 5 AS double precision) / 4"
    ),
    "sentiment(a text) double precision": "CAST(length(a) % 5 - 2 AS double precision) / 2",
    "condense(a text) text": "'<' || substr(a, 1, 2)",
    "classify(a text, b text) text": "split_part(b, ',', CAST(1 + length(a) % 2 AS integer))",
    "extracts(a text, b text) text": "CASE WHEN strpos(a, b) > 0 THEN b END",
    "ask(a text, b text) text": "b || ':' || a",
    "similar_to(a text, b text) double precision": (
        "CAST(CASE WHEN length(a) % 2 = length(b) % 2 THEN 1 WHEN a IS NOT NULL AND b IS NOT NULL THEN 0 END "
        "AS double precision)"
    ),
    "summarize(a text[], b text) text": (
        "CASE WHEN a IS NOT NULL THEN coalesce(b || '#', '') || '<' || array_to_string(a, '|') || '>' END"
    ),
    "themes(a text[], b integer) text[]": "a[1:b]",
}
"""The same, by name, arguments and type of a function ``plain_…``."""


def duckdb_functions() -> list[str]:
    """Return the statements that define ``plain_…`` on DuckDB."""
    made = []
    for head, body in _SQL.items():
        name, _, rest = head.partition("(")
        names = ", ".join(argument.split()[0] for argument in rest.partition(")")[0].split(", "))
        made.append(f"CREATE OR REPLACE MACRO plain_{name}({names}) AS {body}")
    return made


def postgres_functions() -> list[str]:
    """Return the statements that define ``plain_…`` on PostgreSQL."""
    made = []
    for head, body in _SQL.items():
        call, _, returns = head.partition(") ")
        made.append(
            f"CREATE OR REPLACE FUNCTION plain_{call}) RETURNS {returns} IMMUTABLE LANGUAGE sql "
            f"AS $$ SELECT {body} $$"
        )
    return made


def _answer(request: ModelRequest) -> ModelReply:
    assert request.offline is not None
    answers = ANSWERS[request.cascade_id]
    return reply("", values=[answers(item) for item in request.offline.items])


class TruthfulDoor(FakeDoor):
    """A door whose answers are :data:`ANSWERS`; texts of lengths both even or both odd have equal embeddings."""

    def __init__(self) -> None:
        super().__init__(script=_answer)
        self.observed = Observed()

    async def ask(self, request: ModelRequest, ctx: CallerContext) -> ModelReply:
        """Answer, and keep nothing."""
        return _answer(request)

    async def embed(
        self,
        texts: Sequence[str],
        ctx: CallerContext,
        *,
        model: str | None = None,
        cascade_id: str | None = None,
        cell_name: str | None = None,
    ) -> NDArray[np.float32]:
        """Return a unit vector by parity of length."""
        return np.eye(2, dtype=np.float32)[[len(text) % 2 for text in texts]]

    def price(self, model: str) -> None:
        """Know no price."""
