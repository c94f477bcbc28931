"""Golden dialogues as text: what clients say, what PostgreSQL answers, and where one of ours answers otherwise.

    == a title
    Query SELECT 1; SELECT 1/0
        T ?column?:23
        ...
      duckdb: why it answers otherwise
        T ...
    bob: Query NOTIFY c

A line at the margin is a message (``dialogue.frontend_text``), a step of the test itself (``Await``, ``Cancel``), or a
comment. Messages up to the next answer, or an empty line, are sent at once. ``name:`` is another client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

UNEXPLAINED = "?"
_CLIENT = re.compile(r"([a-z]+): (.*)")


@dataclass
class Difference:
    """What a target answers instead of what PostgreSQL does."""

    reason: str
    answer: list[str] = field(default_factory=list)


@dataclass
class Exchange:
    """Messages of one client, and PostgreSQL's answer to them."""

    messages: list[tuple[str, str]] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    differences: dict[str, Difference] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def expected(self, target: str) -> list[str]:
        """Return what a target should answer."""
        different = self.differences.get(target)
        return self.answer if different is None else different.answer

    def record(self, target: str, answer: list[str]) -> None:
        """Take what a target answered; PostgreSQL's comes first."""
        if target == "postgres":
            self.answer = answer
            return
        known = self.differences.pop(target, None)
        if answer != self.expected(target):
            self.differences[target] = Difference(known.reason if known else UNEXPLAINED, answer)

    def lines(self) -> Iterator[str]:
        """Yield the text."""
        yield from self.comments
        for client, text in self.messages:
            yield f"{client}: {text}" if client else text
        yield from (f"    {line}" for line in self.answer)
        if not self.answer and not self.differences:
            yield ""
        for target, different in sorted(self.differences.items()):
            yield f"  {target}: {different.reason}"
            yield from (f"    {line}" for line in different.answer)


@dataclass
class Dialogue:
    """A title and its exchanges, on connections of its own. ``only`` names the targets it is for."""

    title: str
    exchanges: list[Exchange] = field(default_factory=list)

    def unexplained(self) -> list[str]:
        """Return the messages with a difference that has no reason."""
        return [
            exchange.messages[0][1]
            for exchange in self.exchanges
            for different in exchange.differences.values()
            if different.reason == UNEXPLAINED
        ]


@dataclass
class Script:
    """One file: comments at its head, then dialogues."""

    head: list[str]
    dialogues: list[Dialogue]

    def text(self) -> str:
        """Return the file's text."""
        parts = list(self.head)
        for dialogue in self.dialogues:
            parts += ["", f"== {dialogue.title}"]
            for exchange in dialogue.exchanges:
                parts += exchange.lines()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip() + "\n"


def read_script(path: Path) -> Script:
    """Return the script in a file."""
    script = Script([], [])
    exchange: Exchange | None = None
    answer: list[str] | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            script.dialogues.append(Dialogue(line[3:]))
            exchange = None
        elif not script.dialogues:
            script.head.append(line)
        elif line.startswith("    "):
            assert answer is not None, line
            answer.append(line[4:])
        elif line.startswith("  "):
            target, _, reason = line.strip().partition(": ")
            assert exchange is not None, line
            exchange.differences[target] = Difference(reason)
            answer = exchange.differences[target].answer
        elif not line:
            exchange = None
        else:
            if exchange is None or answer or exchange.differences:
                exchange = Exchange()
                script.dialogues[-1].exchanges.append(exchange)
            answer = exchange.answer
            if line.startswith("#"):
                exchange.comments.append(line)
            else:
                named = _CLIENT.fullmatch(line)
                exchange.messages.append((named[1], named[2]) if named else ("", line))
    return script
