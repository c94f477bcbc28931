"""The lexer knows where PostgreSQL's literals, comments and statements end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.sql.lexer import (
    count_parameters,
    leading_words,
    lexemes,
    split_statements,
    strip_comments,
    tokens,
    unquote_identifier,
    unquote_string,
    words,
)


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        ("  \n ;; -- nothing\n /* at all */ ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        (" SELECT 1 ; SELECT 2 ", ["SELECT 1", "SELECT 2"]),
        (
            "SELECT ';', E'\\';', $$;$$, $a$;$$;$a$, \";\"; X",
            ["SELECT ';', E'\\';', $$;$$, $a$;$$;$a$, \";\"", "X"],
        ),
        ("SELECT /* ; /* ; */ ; */ 1; -- ; \n SELECT 2", ["SELECT /* ; /* ; */ ; */ 1", "-- ; \n SELECT 2"]),
        ("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); X", None),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
        ("SELECT a$b$c; SELECT $1", ["SELECT a$b$c", "SELECT $1"]),
        ("SELECT 'it''s;' ;SELECT U&'\\0041;' UESCAPE '!'", ["SELECT 'it''s;'", "SELECT U&'\\0041;' UESCAPE '!'"]),
        ("SELECT 'a\\'; SELECT 2", ["SELECT 'a\\'", "SELECT 2"]),
    ],
)
def test_statements_end_at_semicolons_outside_literals(text: str, statements: list[str] | None) -> None:
    found = split_statements(text)
    if statements is None:
        assert len(found) == 2
        return
    assert [statement.text for statement in found] == statements
    for statement in found:
        assert text[statement.offset :].startswith(statement.text)


@given(st.text(alphabet=list("'\"$aE1 -/*\\;(\n.:xUé&")))
def test_tokens_cover_every_text(text: str) -> None:
    assert "".join(token.text for token in tokens(text)) == text
    for statement in split_statements(text):
        assert text[statement.offset : statement.offset + len(statement.text)] == statement.text


@given(st.text(alphabet=list("'\"$aE1 -/*\\;(\n.:bUé&")))
def test_words_are_the_word_tokens(text: str) -> None:
    assert words(text) == {token.text.lower() for token in tokens(text) if token.kind == "word"}


def test_words_inside_literals_are_text() -> None:
    sql = """SELECT 'means', E'\\'about', $$themes$$, $q$topics$q$, "condense" /* ask /* x */ ask */,
             note MEANS FROM t -- summarize
             WHERE x::sentiment > 1e5"""
    assert words(sql) == {"select", "note", "means", "from", "t", "where", "x", "sentiment"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", ("select",)),
        ("/* a */ -- b\n BEGIN isolation LEVEL read committed", ("begin", "isolation", "level", "read")),
        ("(SELECT 1)", ()),
        ("SET x = 1", ("set", "x")),
        ("", ()),
    ],
)
def test_leading_words(text: str, expected: tuple[str, ...]) -> None:
    assert leading_words(text) == expected


def test_parameters_are_counted_by_their_highest_number() -> None:
    assert count_parameters("SELECT $2, '$9', $$ $7 $$, a$5, $1 -- $8") == 2
    assert count_parameters("SELECT 1") == 0


def test_a_comment_becomes_a_space() -> None:
    assert strip_comments("SELECT/* a /* b */ */1 -- c\nFROM t") == "SELECT 1  \nFROM t"


def test_values_of_tokens() -> None:
    assert [unquote_string(token) for token in lexemes("'a''b' E'\\x41\\101\\u00e9\\'\\q' $$c'$$ U&'d'")] == [
        "a'b",
        "AAé'q",
        "c'",
        "d",
    ]
    assert [unquote_identifier(token) for token in lexemes('Foo "Foo" "a""b"')] == ["foo", "Foo", 'a"b']
