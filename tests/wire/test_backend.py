"""Backend messages: golden bytes, and libpq's reading of errors."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rvbbit_proxy.errors import ProtocolError, SyntaxFault, UpstreamError
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.types import oids


@dataclass(frozen=True)
class DescribedColumn:
    name: str
    type_oid: int
    typmod: int = -1
    table_oid: int = 0
    attnum: int = 0


GOLDEN = [
    (backend.encode_ssl_response(True), b"S"),
    (backend.encode_ssl_response(False), b"N"),
    (backend.encode_authentication_ok(), b"R\0\0\0\x08\0\0\0\0"),
    (backend.encode_authentication_cleartext_password(), b"R\0\0\0\x08\0\0\0\3"),
    (backend.encode_authentication_md5_password(b"salt"), b"R\0\0\0\x0c\0\0\0\5salt"),
    (backend.encode_authentication_sasl(["SCRAM-SHA-256"]), b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0"),
    (backend.encode_authentication_sasl_continue(b"r=x"), b"R\0\0\0\x0b\0\0\0\x0br=x"),
    (backend.encode_authentication_sasl_final(b"v=x"), b"R\0\0\0\x0b\0\0\0\x0cv=x"),
    (backend.encode_parameter_status("a", "b"), b"S\0\0\0\x08a\0b\0"),
    (backend.encode_backend_key_data(7, b"1234"), b"K\0\0\0\x0c\0\0\0\x071234"),
    (backend.encode_backend_key_data(7, bytes(32)), b"K\0\0\0\x28\0\0\0\7" + bytes(32)),
    (backend.encode_negotiate_protocol_version(2, ["_pq_.x"]), b"v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.x\0"),
    (backend.encode_ready_for_query("T"), b"Z\0\0\0\5T"),
    (backend.encode_data_row([b"hi", None]), b"D\0\0\0\x10\0\2\0\0\0\2hi\xff\xff\xff\xff"),
    (backend.encode_command_complete("SELECT 1"), b"C\0\0\0\rSELECT 1\0"),
    (backend.encode_empty_query_response(), b"I\0\0\0\4"),
    (backend.encode_parameter_description([23, 25]), b"t\0\0\0\x0e\0\2\0\0\0\x17\0\0\0\x19"),
    (backend.encode_no_data(), b"n\0\0\0\4"),
    (backend.encode_parse_complete(), b"1\0\0\0\4"),
    (backend.encode_bind_complete(), b"2\0\0\0\4"),
    (backend.encode_close_complete(), b"3\0\0\0\4"),
    (backend.encode_portal_suspended(), b"s\0\0\0\4"),
    (backend.encode_function_call_response(None), b"V\0\0\0\x08\xff\xff\xff\xff"),
    (backend.encode_copy_in_response(0, 2), b"G\0\0\0\x0b\0\0\2\0\0\0\0"),
    (backend.encode_copy_out_response(1, 1), b"H\0\0\0\t\1\0\1\0\1"),
    (backend.encode_copy_both_response(0, 0), b"W\0\0\0\7\0\0\0"),
    (backend.encode_copy_data(b"x"), b"d\0\0\0\5x"),
    (backend.encode_copy_done(), b"c\0\0\0\4"),
    (backend.encode_notification_response(9, "ch", "pay"), b"A\0\0\0\x0f\0\0\0\tch\0pay\0"),
    (
        backend.encode_row_description([DescribedColumn("n", oids.INT4), DescribedColumn("t", 123456)], (1, 0)),
        b"T\0\0\0\x2e\0\2n\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\1"
        b"t\0\0\0\0\0\0\0\0\1\xe2\x40\xff\xff\xff\xff\xff\xff\0\0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("encoded", "expected"), GOLDEN)
def test_golden(encoded: bytes, expected: bytes) -> None:
    assert encoded == expected


def test_error_fields_stand_in_postgres_order() -> None:
    error = SyntaxFault("bad", detail="d", hint="h", position=3, fields={"where": "here", "t": "table"})
    assert backend.error_fields(error) == {
        "S": "ERROR",
        "V": "ERROR",
        "C": "42601",
        "M": "bad",
        "D": "d",
        "H": "h",
        "P": "3",
        "W": "here",
        "t": "table",
    }
    assert list(backend.error_fields(error)) == list("SVCMDHPWt")
    expected = b"SERROR\0VERROR\0C42601\0Mbad\0Dd\0Hh\0P3\0Where\0ttable\0\0"
    assert backend.encode_error_response(error) == b"E" + (len(expected) + 4).to_bytes(4) + expected


def test_an_upstreams_severity_stays() -> None:
    error = UpstreamError("gone", sqlstate="57P01", fields={"S": "FATAL", "V": "FATAL"})
    assert backend.error_fields(error)["V"] == "FATAL"
    assert backend.error_fields(error)["C"] == "57P01"


def test_a_nul_cannot_end_a_field_early() -> None:
    assert b"Mab\0" in backend.encode_error_response(ProtocolError("a\0b"))


def test_notices() -> None:
    notice = backend.encode_notice_response(backend.notice_fields("hi", hint="there"))
    assert notice[:1] == b"N"
    assert notice[5:] == b"SNOTICE\0VNOTICE\0C00000\0Mhi\0Hthere\0\0"


def test_formats_are_spread() -> None:
    assert backend.spread_formats((), 2) == (0, 0)
    assert backend.spread_formats((1,), 2) == (1, 1)
    assert backend.spread_formats((1, 0), 2) == (1, 0)
    with pytest.raises(Exception, match="bind message has 2 result formats but query has 3 columns"):
        backend.spread_formats((1, 0), 3)
