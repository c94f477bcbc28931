"""PostgreSQL's built-in types by number: oid, name, length, array type.

Read off ``pg_type`` of PostgreSQL 16; a test compares all of it with a real server.
Not here: how values look on the wire (the type families) and ``pg_type`` as a relation (``sql``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class TypeName:
    """A row of pg_type: ``typlen`` -1 is variable, -2 a C string; ``array_oid`` 0 is none."""

    oid: int
    name: str
    typlen: int
    array_oid: int = 0
    element_oid: int = 0


BOOL = 16
BYTEA = 17
CHAR = 18
NAME = 19
INT8 = 20
INT2 = 21
INT2VECTOR = 22
INT4 = 23
REGPROC = 24
TEXT = 25
OID = 26
TID = 27
XID = 28
CID = 29
OIDVECTOR = 30
JSON = 114
XML = 142
PG_NODE_TREE = 194
POINT = 600
LSEG = 601
PATH = 602
BOX = 603
POLYGON = 604
LINE = 628
CIDR = 650
FLOAT4 = 700
FLOAT8 = 701
UNKNOWN = 705
CIRCLE = 718
MACADDR8 = 774
MONEY = 790
MACADDR = 829
INET = 869
ACLITEM = 1033
BPCHAR = 1042
VARCHAR = 1043
DATE = 1082
TIME = 1083
TIMESTAMP = 1114
TIMESTAMPTZ = 1184
INTERVAL = 1186
TIMETZ = 1266
BIT = 1560
VARBIT = 1562
NUMERIC = 1700
REFCURSOR = 1790
REGPROCEDURE = 2202
REGOPER = 2203
REGOPERATOR = 2204
REGCLASS = 2205
REGTYPE = 2206
RECORD = 2249
CSTRING = 2275
ANY = 2276
ANYARRAY = 2277
VOID = 2278
ANYELEMENT = 2283
UUID = 2950
PG_LSN = 3220
TSVECTOR = 3614
TSQUERY = 3615
REGCONFIG = 3734
REGDICTIONARY = 3769
JSONB = 3802
INT4RANGE = 3904
NUMRANGE = 3906
TSRANGE = 3908
TSTZRANGE = 3910
DATERANGE = 3912
INT8RANGE = 3926
JSONPATH = 4072
REGNAMESPACE = 4089
REGROLE = 4096
REGCOLLATION = 4191
INT4MULTIRANGE = 4451
NUMMULTIRANGE = 4532
TSMULTIRANGE = 4533
TSTZMULTIRANGE = 4534
DATEMULTIRANGE = 4535
INT8MULTIRANGE = 4536
XID8 = 5069


_BASE_TYPES = (
    (16, "bool", 1, 1000),
    (17, "bytea", -1, 1001),
    (18, "char", 1, 1002),
    (19, "name", 64, 1003),
    (20, "int8", 8, 1016),
    (21, "int2", 2, 1005),
    (22, "int2vector", -1, 1006),
    (23, "int4", 4, 1007),
    (24, "regproc", 4, 1008),
    (25, "text", -1, 1009),
    (26, "oid", 4, 1028),
    (27, "tid", 6, 1010),
    (28, "xid", 4, 1011),
    (29, "cid", 4, 1012),
    (30, "oidvector", -1, 1013),
    (114, "json", -1, 199),
    (142, "xml", -1, 143),
    (194, "pg_node_tree", -1, 0),
    (600, "point", 16, 1017),
    (601, "lseg", 32, 1018),
    (602, "path", -1, 1019),
    (603, "box", 32, 1020),
    (604, "polygon", -1, 1027),
    (628, "line", 24, 629),
    (650, "cidr", -1, 651),
    (700, "float4", 4, 1021),
    (701, "float8", 8, 1022),
    (705, "unknown", -2, 0),
    (718, "circle", 24, 719),
    (774, "macaddr8", 8, 775),
    (790, "money", 8, 791),
    (829, "macaddr", 6, 1040),
    (869, "inet", -1, 1041),
    (1033, "aclitem", 16, 1034),
    (1042, "bpchar", -1, 1014),
    (1043, "varchar", -1, 1015),
    (1082, "date", 4, 1182),
    (1083, "time", 8, 1183),
    (1114, "timestamp", 8, 1115),
    (1184, "timestamptz", 8, 1185),
    (1186, "interval", 16, 1187),
    (1266, "timetz", 12, 1270),
    (1560, "bit", -1, 1561),
    (1562, "varbit", -1, 1563),
    (1700, "numeric", -1, 1231),
    (1790, "refcursor", -1, 2201),
    (2202, "regprocedure", 4, 2207),
    (2203, "regoper", 4, 2208),
    (2204, "regoperator", 4, 2209),
    (2205, "regclass", 4, 2210),
    (2206, "regtype", 4, 2211),
    (2249, "record", -1, 2287),
    (2275, "cstring", -2, 1263),
    (2276, "any", 4, 0),
    (2277, "anyarray", -1, 0),
    (2278, "void", 4, 0),
    (2283, "anyelement", 4, 0),
    (2950, "uuid", 16, 2951),
    (3220, "pg_lsn", 8, 3221),
    (3614, "tsvector", -1, 3643),
    (3615, "tsquery", -1, 3645),
    (3734, "regconfig", 4, 3735),
    (3769, "regdictionary", 4, 3770),
    (3802, "jsonb", -1, 3807),
    (3904, "int4range", -1, 3905),
    (3906, "numrange", -1, 3907),
    (3908, "tsrange", -1, 3909),
    (3910, "tstzrange", -1, 3911),
    (3912, "daterange", -1, 3913),
    (3926, "int8range", -1, 3927),
    (4072, "jsonpath", -1, 4073),
    (4089, "regnamespace", 4, 4090),
    (4096, "regrole", 4, 4097),
    (4191, "regcollation", 4, 4192),
    (4451, "int4multirange", -1, 6150),
    (4532, "nummultirange", -1, 6151),
    (4533, "tsmultirange", -1, 6152),
    (4534, "tstzmultirange", -1, 6153),
    (4535, "datemultirange", -1, 6155),
    (4536, "int8multirange", -1, 6157),
    (5069, "xid8", 8, 271),
)


def _all_types() -> dict[int, TypeName]:
    types = {}
    for oid, name, typlen, array_oid in _BASE_TYPES:
        types[oid] = TypeName(oid, name, typlen, array_oid)
        if array_oid:
            types[array_oid] = TypeName(array_oid, f"_{name}", -1, element_oid=oid)
    return types


TYPES: Mapping[int, TypeName] = MappingProxyType(_all_types())
"""Every type by oid, arrays too."""
OIDS: Mapping[str, int] = MappingProxyType({entry.name: oid for oid, entry in TYPES.items()})
"""Every oid by pg_type's name (``int4``, ``_text``)."""


def typlen_of(oid: int) -> int:
    """Return pg_type.typlen; a type we do not know has variable length.

    >>> typlen_of(INT4), typlen_of(TEXT), typlen_of(123456)
    (4, -1, -1)
    """
    known = TYPES.get(oid)
    return -1 if known is None else known.typlen


def array_oid_of(oid: int) -> int:
    """Return the oid of the array over this type, 0 if there is none."""
    known = TYPES.get(oid)
    return 0 if known is None else known.array_oid


def element_oid_of(oid: int) -> int:
    """Return the oid of an array's elements, 0 for a type that is no array.

    >>> element_oid_of(array_oid_of(INT4)) == INT4
    True
    """
    known = TYPES.get(oid)
    return 0 if known is None else known.element_oid
