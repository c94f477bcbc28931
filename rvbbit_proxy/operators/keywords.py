"""PostgreSQL's words that no operator may take.

Source: https://www.postgresql.org/docs/16/sql-keywords-appendix.html (reserved, with and without the parts that
may be function or type names), and the non-reserved words that may follow an operand.
"""

from __future__ import annotations

RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
    is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when
    where window with
    """.split()
)

FOLLOWING = frozenset("at between escape filter format ignore operator over respect uescape within".split())
"""Words that mean something after an operand though they are not reserved."""

FORMS = frozenset(
    """
    bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int integer
    interval least national nchar none normalize nullif numeric out overlay position precision real row setof
    smallint substring time timestamp treat trim values varchar
    """.split()
)
"""Names whose calls the grammar itself reads."""
