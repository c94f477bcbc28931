"""Session parameters behave as PostgreSQL's do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rvbbit_proxy.errors import InvalidValue, SyntaxFault, UnknownSetting
from rvbbit_proxy.session.parameter_commands import (
    Argument,
    Discard,
    Reset,
    SelectSettings,
    Set,
    SetOther,
    SettingCall,
    SetTransaction,
    Show,
    parse_parameter_command,
)
from rvbbit_proxy.session.parameter_table import PARAMETERS
from rvbbit_proxy.session.parameters import CannotChange, Parameters, parse_startup_options
from rvbbit_proxy.settings import RunOptions


@pytest.fixture
def parameters() -> Parameters:
    return Parameters(RunOptions())


@pytest.mark.parametrize(
    ("name", "given", "shown"),
    [
        ("statement_timeout", "1000", "1s"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "2 min", "2min"),
        ("statement_timeout", "1500", "1500ms"),
        ("statement_timeout", "1.5s", "1500ms"),
        ("statement_timeout", "0", "0"),
        ("datestyle", "iso", "ISO, MDY"),
        ("DateStyle", "ISO, DMY", "ISO, DMY"),
        ("timezone", "europe/berlin", "Europe/Berlin"),
        ("timezone", "utc", "UTC"),
        ("timezone", "-7", "<-07>+07"),
        ("jit", "t", "on"),
        ("jit", "OF", "off"),
        ("jit", "1", "on"),
        ("client_encoding", "utf-8", "UTF8"),
        ("client_min_messages", "WARNING", "warning"),
        ("extra_float_digits", "3", "3"),
        ("rvbbit.max_cost", "0.50", "0.50"),
        ("rvbbit.meta", "1", "on"),
        ("rvbbit.meta", "0.25", "0.25"),
        ("foo.bar", "any thing", "any thing"),
    ],
)
def test_values_are_shown_as_postgresql_shows_them(
    parameters: Parameters, name: str, given: str, shown: str
) -> None:
    parameters.set(name, given)
    assert parameters.get(name.upper()) == shown


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        ("jit", "o", InvalidValue, 'parameter "jit" requires a Boolean value'),
        ("statement_timeout", "soon", InvalidValue, 'invalid value for parameter "statement_timeout": "soon"'),
        (
            "statement_timeout",
            "-1",
            InvalidValue,
            '-1 ms is outside the valid range for parameter "statement_timeout" (0 .. 2147483647)',
        ),
        (
            "extra_float_digits",
            "99",
            InvalidValue,
            '99 is outside the valid range for parameter "extra_float_digits" (-15 .. 3)',
        ),
        ("timezone", "Mars/Phobos", InvalidValue, 'invalid value for parameter "TimeZone": "Mars/Phobos"'),
        ("rvbbit.tags", "[1]", InvalidValue, 'invalid value for parameter "rvbbit.tags": "[1]"'),
        ("rvbbit.traceparent", "x", InvalidValue, 'invalid value for parameter "rvbbit.traceparent": "x"'),
        ("nonesuch", "1", UnknownSetting, 'unrecognized configuration parameter "nonesuch"'),
        ("rvbbit.nonesuch", "1", UnknownSetting, 'unrecognized configuration parameter "rvbbit.nonesuch"'),
        ("server_version", "1", CannotChange, 'parameter "server_version" cannot be changed'),
        ("rvbbit.last_caller_id", "1", CannotChange, 'parameter "rvbbit.last_caller_id" cannot be changed'),
    ],
)
def test_bad_values_err_in_postgresqls_words(
    parameters: Parameters, name: str, given: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        parameters.set(name, given)
    assert str(raised.value) == message


def test_every_default_is_in_its_own_domain() -> None:
    for spec in PARAMETERS.values():
        assert spec.kind(spec.name, spec.default) == spec.default, spec.name


def test_rollback_undoes_set(parameters: Parameters) -> None:
    parameters.set("timezone", "Europe/Paris")
    parameters.begin()
    parameters.set("timezone", "Asia/Tokyo")
    parameters.rollback()
    assert parameters.get("timezone") == "Europe/Paris"


def test_set_local_ends_with_the_transaction(parameters: Parameters) -> None:
    parameters.begin()
    parameters.set("rvbbit.caller_id", "inner", local=True)
    assert (parameters.get("rvbbit.caller_id"), parameters.source("rvbbit.caller_id")) == ("inner", "set_local")
    parameters.commit()
    assert (parameters.get("rvbbit.caller_id"), parameters.source("rvbbit.caller_id")) == ("", "default")


def test_reset_returns_to_the_startup_value(parameters: Parameters) -> None:
    parameters.start({"rvbbit.caller_id": "boot", "application_name": "psql"})
    parameters.set("rvbbit.caller_id", "x")
    parameters.set("rvbbit.caller_id", None)
    assert (parameters.get("rvbbit.caller_id"), parameters.source("rvbbit.caller_id")) == ("boot", "startup")


def test_changes_of_reported_parameters_are_told_once(parameters: Parameters) -> None:
    first = dict(parameters.take_reports())
    assert first["server_version"] == "16.4" and first["TimeZone"] == "UTC"
    assert parameters.take_reports() == []
    parameters.set("timezone", "Asia/Tokyo")
    parameters.set("jit", "on")
    assert parameters.take_reports() == [("TimeZone", "Asia/Tokyo")]


def test_run_options_follow_the_parameters(parameters: Parameters) -> None:
    for name, value in [
        ("model", "openai/x"),
        ("max_cost", "1.5"),
        ("on_error", "null"),
        ("cache", "refresh"),
        ("progress", "on"),
        ("meta", "0.5"),
        ("batch_size", "7"),
    ]:
        parameters.set(f"rvbbit.{name}", value)
    assert parameters.run_options() == RunOptions(
        model="openai/x",
        max_cost_usd=Decimal("1.5"),
        on_error="null",
        cache="refresh",
        progress=True,
        meta=0.5,
        batch_size=7,
    )


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("SET x = 1", Set("x", "1")),
        ("set session x to 'y'", Set("x", "y")),
        ("SET LOCAL rvbbit.caller_id = 'me'", Set("rvbbit.caller_id", "me", local=True)),
        ("SET extra_float_digits = -3", Set("extra_float_digits", "-3")),
        ("SET datestyle TO ISO, DMY", Set("datestyle", "iso, dmy")),
        ("SET search_path TO \"$user\", Public, 'x y'", Set("search_path", '"$user", public, "x y"')),
        ("SET x TO DEFAULT", Set("x", None)),
        ("SET TIME ZONE 'UTC'", Set("TimeZone", "UTC")),
        ("SET TIME ZONE -3", Set("TimeZone", "-3")),
        ("SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE", Set("TimeZone", "+02:00")),
        ("SET TIME ZONE LOCAL", Set("TimeZone", None)),
        ("SET NAMES 'UTF8'", Set("client_encoding", "UTF8")),
        (
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            SetTransaction({"transaction_isolation": "repeatable read", "transaction_read_only": "on"}),
        ),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            SetTransaction({"transaction_isolation": "serializable"}, session=True),
        ),
        ("SET SESSION AUTHORIZATION DEFAULT", SetOther("session authorization", "default")),
        ("SHOW ALL", Show(None)),
        ("SHOW TRANSACTION ISOLATION LEVEL", Show("transaction_isolation")),
        ("SHOW TIME ZONE", Show("TimeZone")),
        ("SHOW rvbbit.model", Show("rvbbit.model")),
        ("RESET ALL", Reset(None)),
        ("RESET timezone", Reset("timezone")),
        ("DISCARD ALL", Discard("all")),
        (
            "SELECT pg_catalog.set_config('search_path', '', false)",
            SelectSettings((SettingCall("set_config", Argument("search_path"), False, Argument("")),)),
        ),
        (
            "SELECT current_setting('jit') AS cur, set_config('jit', 'off', true) AS new",
            SelectSettings(
                (
                    SettingCall("cur", Argument("jit"), False),
                    SettingCall("new", Argument("jit"), True, Argument("off")),
                )
            ),
        ),
        (
            "SELECT set_config($1, $2, false)",
            SelectSettings((SettingCall("set_config", Argument(number=1), False, Argument(number=2)),)),
        ),
        ("SELECT current_setting('a') || 'x'", None),
        ("SELECT current_setting('a') FROM t", None),
        ("SELECT 1", None),
        ("INSERT INTO t VALUES (1)", None),
    ],
)
def test_commands_are_read(sql: str, command: object) -> None:
    assert parse_parameter_command(sql) == command


@pytest.mark.parametrize(
    "sql", ["SET", "SET x", "SET x = ", "SET x = 1 2", "SHOW", "SET TRANSACTION FAST", "DISCARD x"]
)
def test_malformed_commands_are_syntax_errors(sql: str) -> None:
    with pytest.raises(SyntaxFault):
        parse_parameter_command(sql)


def test_startup_options_are_read() -> None:
    assert parse_startup_options("-c a.b=1 -c statement_timeout=4321 --jit=off") == {
        "a.b": "1",
        "statement_timeout": "4321",
        "jit": "off",
    }
    with pytest.raises(InvalidValue):
        parse_startup_options("-x")
