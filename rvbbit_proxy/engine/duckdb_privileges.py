"""GRANT and REVOKE on DuckDB, which has no privileges: whoever may connect may do everything.

So a GRANT has nothing to do, once what it names is there, and says so; a REVOKE would be a lie and is refused.
Source: https://www.postgresql.org/docs/16/sql-grant.html
"""

from __future__ import annotations

from collections.abc import Callable

from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.engine.upstream import Notice
from rvbbit_proxy.errors import NotSupported, SyntaxFault
from rvbbit_proxy.sql.lexer import Token, lexemes

GRANTED = Notice("NOTICE", "00000", "privileges are not kept: every user may do everything")
_OTHER_OBJECTS = frozenset(
    "ALL DATABASE DOMAIN FOREIGN FUNCTION LANGUAGE LARGE PARAMETER PROCEDURE ROUTINE SCHEMA SEQUENCE TABLESPACE TYPE".split()
)


def is_about_privileges(sql: str) -> bool:
    """Tell whether the statement is GRANT, REVOKE or ALTER DEFAULT PRIVILEGES."""
    words = words_of(sql, 2)
    return words[:1] in (("GRANT",), ("REVOKE",)) or words == ("ALTER", "DEFAULT")


def grant(sql: str, find: Callable[[str], object]) -> str:
    """Have ``find`` look for each relation that a GRANT names; return the command tag.

    Raises NotSupported for what takes away, or makes a role a member, and what ``find`` raises.
    """
    parts = lexemes(sql)
    words = [part.text.upper() for part in parts]
    if words[0] != "GRANT" or "ON" not in words:
        raise NotSupported(
            f"{words[0]} is not supported on DuckDB",
            detail="It keeps no privileges and no roles: every user may do everything.",
        )
    if "TO" not in words:
        raise SyntaxFault("syntax error at end of input", position=len(sql.rstrip(" ;\n")) + 1)
    objects = parts[words.index("ON") + 1 : words.index("TO")]
    if objects and objects[0].text.upper() not in _OTHER_OBJECTS:
        for name in _names(objects[1:] if objects[0].text.upper() == "TABLE" else objects):
            find(name)
    return "GRANT"


def _names(parts: tuple[Token, ...]) -> list[str]:
    return "".join(part.text for part in parts).split(",")
