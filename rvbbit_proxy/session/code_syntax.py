"""The code of a DO: what a block of PL/pgSQL without variables can say. Pure; ``code_blocks`` runs it.

Statements, PERFORM, EXECUTE, NULL, IF, RAISE, nested blocks and EXCEPTION; whatever needs a variable or a loop is
refused (0A000).
Source: https://www.postgresql.org/docs/16/sql-do.html, plpgsql-control-structures.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from rvbbit_proxy.errors import NotSupported, SyntaxFault
from rvbbit_proxy.sql.lexer import lexemes, unquote_string
from rvbbit_proxy.sql.lists import BRACKETS, split_list

CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "feature_not_supported": "0A000",
        "division_by_zero": "22012",
        "invalid_text_representation": "22P02",
        "numeric_value_out_of_range": "22003",
        "not_null_violation": "23502",
        "foreign_key_violation": "23503",
        "unique_violation": "23505",
        "check_violation": "23514",
        "invalid_schema_name": "3F000",
        "dependent_objects_still_exist": "2BP01",
        "insufficient_privilege": "42501",
        "syntax_error": "42601",
        "duplicate_column": "42701",
        "undefined_column": "42703",
        "undefined_object": "42704",
        "duplicate_object": "42710",
        "duplicate_schema": "42P06",
        "duplicate_table": "42P07",
        "undefined_table": "42P01",
        "undefined_function": "42883",
        "duplicate_function": "42723",
        "invalid_table_definition": "42P16",
        "object_in_use": "55006",
        "raise_exception": "P0001",
    }
)
"""The names of errors that a block may catch, by https://www.postgresql.org/docs/16/errcodes-appendix.html."""
LEVELS = frozenset(("debug", "log", "info", "notice", "warning", "exception"))
_LACKING = frozenset(
    "for while loop foreach case get open fetch move close return exit continue assert declare call commit rollback"
    .split()
)  # fmt: skip
_ENDS = frozenset(("end", "exception", "when", "else", "elsif", "elseif"))
_HINT = "Send the statements one by one."


@dataclass(frozen=True, slots=True)
class Run:
    """A statement of SQL."""

    sql: str


@dataclass(frozen=True, slots=True)
class RunText:
    """EXECUTE: the statement that an expression gives."""

    expression: str


@dataclass(frozen=True, slots=True)
class Raise:
    """RAISE; ``level`` is empty where the error being handled is raised again."""

    level: str
    template: str = ""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """IF: conditions with what follows each, the last without a condition."""

    branches: tuple[tuple[str | None, tuple[Step, ...]], ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """BEGIN … END; a handler's conditions are SQLSTATEs, or ``others``."""

    steps: tuple[Step, ...]
    handlers: tuple[tuple[tuple[str, ...], tuple[Step, ...]], ...] = ()

    def handler_of(self, sqlstate: str) -> tuple[Step, ...] | None:
        """Return what to do about an error, None if it is not caught."""
        for conditions, steps in self.handlers:
            if sqlstate in conditions or ("others" in conditions and sqlstate not in ("57014", "P0004")):
                return steps
        return None


Step: TypeAlias = Run | RunText | Raise | Choice | CodeBlock


def parse_do(sql: str) -> str | None:
    """Return the code of a DO, None if it is no well-formed one. Raises NotSupported for another language.

    >>> parse_do("DO LANGUAGE plpgsql $$BEGIN NULL; END$$")
    'BEGIN NULL; END'
    """
    parts = [part for part in lexemes(sql) if part.text != ";"]
    code = next((part for part in parts if part.kind == "string"), None)
    rest = [part.text.lower().strip("'\"") for part in parts[1:] if part is not code]
    if code is None or (rest and (len(rest) != 2 or rest[0] != "language")):
        return None
    if rest and rest[1] != "plpgsql":
        raise NotSupported(f"blocks in the language {rest[1]} are not supported on DuckDB", hint=_HINT)
    return unquote_string(code)


def parse_code(code: str) -> CodeBlock:
    """Return the block that the code of a DO is. Raises SyntaxFault (42601), NotSupported (0A000).

    >>> parse_code("BEGIN CREATE TYPE a AS ENUM ('x'); EXCEPTION WHEN duplicate_object THEN null; END").handlers
    ((('42710',), ()),)
    """
    return _Parser(code).block_of_all()


class _Parser:
    """Reads the code from left to right; a statement of SQL reaches to its semicolon."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._tokens = lexemes(code)
        self._place = 0

    def block_of_all(self) -> CodeBlock:
        if self._word() != "begin":
            raise self._lacking(self._word()) if self._word() in _LACKING else self._fault()
        block = self._block()
        self._take(";")
        if self._place < len(self._tokens):
            raise self._fault()
        return block

    def _block(self) -> CodeBlock:
        self._expect("begin")
        steps, handlers = self._steps(), []
        if self._take("exception"):
            while self._take("when"):
                conditions = [self._condition()]
                while self._take("or"):
                    conditions.append(self._condition())
                self._expect("then")
                handlers.append((tuple(conditions), self._steps()))
        self._expect("end")
        return CodeBlock(steps, tuple(handlers))

    def _condition(self) -> str:
        name = self._word()
        self._place += 1
        if name == "sqlstate":
            self._place += 1
            return unquote_string(self._tokens[self._place - 1])
        if name != "others" and name not in CONDITIONS:
            raise NotSupported(f'exception condition "{name}" is not known', hint="Use SQLSTATE 'code'.")
        return CONDITIONS.get(name, name)

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self._place < len(self._tokens) and self._word() not in _ENDS:
            step = self._step()
            if step is not None:
                steps.append(step)
        return tuple(steps)

    def _step(self) -> Step | None:
        word = self._word()
        behind = self._tokens[self._place + 1].text if self._place + 1 < len(self._tokens) else ""
        if word in _LACKING or behind in (":=", "="):
            raise self._lacking(word if word in _LACKING else "assignment")
        if word == "begin":
            block = self._block()
            self._expect(";")
            return block
        if word == "if":
            return self._choice()
        if word == "raise":
            return self._raise()
        if word == "null":
            self._place += 1
            self._expect(";")
            return None
        if word == "perform":
            self._place += 1
            return Run(f"SELECT {self._text_to(';')}")
        if word == "execute":
            self._place += 1
            return RunText(self._text_to(";"))
        return Run(self._text_to(";"))

    def _choice(self) -> Choice:
        self._expect("if")
        branches: list[tuple[str | None, tuple[Step, ...]]] = [(self._text_to("then"), self._steps())]
        while self._word() in ("elsif", "elseif"):
            self._place += 1
            branches.append((self._text_to("then"), self._steps()))
        if self._take("else"):
            branches.append((None, self._steps()))
        for word in ("end", "if", ";"):
            self._expect(word)
        return Choice(tuple(branches))

    def _raise(self) -> Raise:
        self._expect("raise")
        if self._take(";"):
            return Raise("")
        level = self._word() if self._word() in LEVELS else "exception"
        self._place += self._word() in LEVELS
        text = self._text_to(";")
        first, *arguments = split_list(lexemes(text))
        if len(first) != 1 or first[0].kind != "string":
            raise self._lacking("RAISE without a message")
        if any(part.text.lower() == "using" for argument in arguments for part in argument):
            raise self._lacking("RAISE … USING")
        return Raise(
            level, unquote_string(first[0]), tuple(text[part[0].start : part[-1].end] for part in arguments)
        )

    def _text_to(self, end: str) -> str:
        """Return the code up to a word outside brackets, and step over it."""
        first, depth = self._place, 0
        for place in range(first, len(self._tokens)):
            text = self._tokens[place].text.lower()
            depth += BRACKETS.get(text, 0)
            if depth == 0 and text == end and self._case_ended(first, place):
                if place == first:
                    break
                self._place = place + 1
                return self._code[self._tokens[first].start : self._tokens[place - 1].end]
        raise self._fault()

    def _case_ended(self, first: int, place: int) -> bool:
        words = [token.text.lower() for token in self._tokens[first:place]]
        return words.count("case") <= words.count("end")

    def _word(self) -> str:
        return self._tokens[self._place].text.lower() if self._place < len(self._tokens) else ""

    def _take(self, word: str) -> bool:
        found = self._word() == word
        self._place += found
        return found

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._fault()

    def _fault(self) -> SyntaxFault:
        near = self._tokens[self._place].text if self._place < len(self._tokens) else ""
        return SyntaxFault(f'syntax error at or near "{near}"' if near else "syntax error at end of input")

    def _lacking(self, what: str) -> NotSupported:
        return NotSupported(f"{what.upper()} in blocks of code is not supported on DuckDB", hint=_HINT)
