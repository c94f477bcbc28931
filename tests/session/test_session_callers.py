"""Every statement has its caller, taken once, by precedence; plain SQL of nobody costs the ledger nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest
from dialogue import Dialogue

from rvbbit_proxy.engine.upstream import Description, Notice, UpstreamResult, UpstreamSession
from rvbbit_proxy.errors import ModelUnavailable
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.ledger.ledger import Ledger
from rvbbit_proxy.ledger.records import QueryRecord, Record
from rvbbit_proxy.session.state import Services
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.sql.lexer import words
from rvbbit_proxy.wire.frontend import Bind, Execute, Parse, Query, Sync

TRACE = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"


class MeansIsEquals:
    """Semantics with one operator, MEANS, which is equality."""

    def __init__(self) -> None:
        self.requests: list[StatementRequest] = []
        self.before: Callable[[StatementRequest], None] = lambda request: None

    def is_semantic(self, sql: str, upstream: object) -> bool:
        return "means" in words(sql)

    def describe(self, sql: str, parameter_oids: Sequence[int], upstream: UpstreamSession) -> Description:
        return upstream.describe(sql.replace("MEANS", "="), parameter_oids)

    def check_syntax(self, sql: str, upstream: UpstreamSession) -> None:
        upstream.check_syntax(sql.replace("MEANS", "="))

    def execute(self, request: StatementRequest, upstream: UpstreamSession) -> UpstreamResult:
        self.requests.append(request)
        self.before(request)
        plain = request.sql.replace("MEANS", "=")
        return upstream.execute(plain, request.parameters, result_formats=request.result_formats)


class RecordedLedger:
    """Keeps records in a list."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.flushes = 0

    def record(self, *records: Record) -> None:
        self.records += records

    def flush(self) -> None:
        self.flushes += 1

    def queries(self) -> list[QueryRecord]:
        return [record for record in self.records if isinstance(record, QueryRecord)]


class Shop:
    """A session with semantics and a ledger to look at."""

    def __init__(self, open_dialogue: Callable[..., Dialogue], **startup: str) -> None:
        self.semantics, self.ledger = MeansIsEquals(), RecordedLedger()
        services = Services(
            RunOptions(), cast(Ledger, self.ledger), self.semantics, frozenset({"all_data", "rvbbit"})
        )
        self.talk = open_dialogue(services, **startup)

    def ask(self, sql: str) -> StatementRequest:
        self.talk.say(Query(sql))
        return self.semantics.requests[-1]


@pytest.fixture
def shop(open_dialogue: Callable[..., Dialogue]) -> Shop:
    return Shop(open_dialogue)


MEANS = "SELECT 'a' MEANS 'a' AS yes"


def test_a_semantic_statement_gets_a_minted_caller(shop: Shop) -> None:
    first, second = shop.ask(MEANS).ctx, shop.ask(MEANS).ctx
    assert first.caller_id and first.caller_id.startswith("sql-") and first.source == "minted"
    assert first.caller_id != second.caller_id
    assert shop.talk.say(Query("SHOW rvbbit.last_caller_id"))[1] == f"D {second.caller_id}"


def test_precedence(open_dialogue: Callable[..., Dialogue]) -> None:
    shop = Shop(open_dialogue, options="-c rvbbit.caller_id=from-startup")

    def named(sql: str) -> tuple[str | None, str]:
        ctx = shop.ask(sql).ctx
        return ctx.caller_id, ctx.source

    assert named(MEANS) == ("from-startup", "startup")
    shop.talk.say(Query("SET rvbbit.caller_id = 'from-set'"))
    assert named(MEANS) == ("from-set", "set")
    shop.talk.say(Query("BEGIN; SET LOCAL rvbbit.caller_id = 'from-local'"))
    assert named(MEANS) == ("from-local", "set_local")
    assert named(f"{MEANS} /*caller_id='from-comment'*/") == ("from-comment", "comment")
    shop.talk.say(Query("COMMIT"))
    assert named(MEANS) == ("from-set", "set")
    shop.talk.say(Query("RESET rvbbit.caller_id"))
    assert named(MEANS) == ("from-startup", "startup")


def test_the_context_says_where_it_came_from(open_dialogue: Callable[..., Dialogue]) -> None:
    shop = Shop(open_dialogue, application_name="report")
    shop.talk.say(Query("""SET rvbbit.tags = '{"team": "x"}'; SET rvbbit.max_cost = 2"""))
    request = shop.ask(f"{MEANS} /*caller_id='me',traceparent='{TRACE}',route='%2Fa'*/")
    assert request.sql == MEANS
    assert dict(request.ctx.invocation_metadata) == {
        "origin": "sql",
        "sql": MEANS,
        "protocol": "simple",
        "user": "alice",
        "application": "report",
        "database": "shop",
        "triggered_by": "sql_query",
        "connection_id": "con_0",
        "client_address": "127.0.0.1:5",
        "tags": {"team": "x", "route": "/a"},
    }
    assert request.ctx.root_trace_id == "5bd66ef5095369c7b0d1f8f4bd33716a"
    assert request.ctx.trace_id == "c532cb4098ac3dd2"
    assert request.ctx.budget is not None and request.ctx.budget.limit_usd == Decimal(2)
    assert request.options.max_cost_usd == Decimal(2)


def test_the_query_log_has_beginning_and_end(shop: Shop) -> None:
    shop.ask(f"{MEANS} /*caller_id='me'*/")
    started, ended = shop.ledger.queries()
    assert (started.query_id, started.status, started.ended_at) == (ended.query_id, "running", None)
    assert (ended.status, ended.rows_out, ended.caller_id) == ("success", 1, "me")
    assert (ended.sql_text, ended.protocol, ended.user_name, ended.database_name) == (
        MEANS,
        "simple",
        "alice",
        "shop",
    )
    assert ended.ended_at is not None and ended.ended_at >= ended.started_at


def test_a_failure_is_on_the_query_log(shop: Shop) -> None:
    def fail(_: StatementRequest) -> None:
        raise ModelUnavailable("no model")

    shop.semantics.before = fail
    assert shop.talk.say(Query(MEANS)) == ["E 58000 no model", "Z I"]
    assert (shop.ledger.queries()[-1].status, shop.ledger.queries()[-1].sqlstate) == ("error", "58000")


def test_a_cancelled_statement_is_on_the_query_log(shop: Shop) -> None:
    def cancel(request: StatementRequest) -> None:
        shop.talk.session.cancel()
        request.ctx.check()

    shop.semantics.before = cancel
    assert shop.talk.say(Query(MEANS)) == ["E 57014 canceling statement due to user request", "Z I"]
    assert shop.ledger.queries()[-1].status == "cancelled"
    shop.semantics.before = lambda request: None
    assert shop.talk.say(Query(MEANS))[1] == "D t"


def test_cancel_when_idle_does_nothing(shop: Shop) -> None:
    shop.talk.session.cancel()
    assert shop.talk.say(Query("SELECT 1"))[1] == "D 1"


def test_plain_sql_of_nobody_is_not_recorded(shop: Shop) -> None:
    shop.talk.say(Query("SELECT 1; BEGIN; SET rvbbit.on_error = 'null'; COMMIT"))
    assert shop.ledger.records == []


def test_plain_sql_of_a_pinned_caller_is(shop: Shop) -> None:
    shop.talk.say(Query("SET rvbbit.caller_id = 'me'"))
    shop.talk.say(Query("SELECT 1 UNION ALL SELECT 2"))
    assert [(query.status, query.rows_out) for query in shop.ledger.queries()] == [
        ("running", None),
        ("success", 2),
    ]
    assert shop.semantics.requests == []


def test_the_extended_protocol_takes_the_caller_at_execute(shop: Shop) -> None:
    shop.talk.say(Parse("s", "SELECT 'a' MEANS $1 AS yes"), Sync())
    bound = (Bind("", "s", (), (b"a",)), Execute(""), Sync())
    for name in ("one", "two"):
        shop.talk.say(Query(f"SET rvbbit.caller_id = '{name}'"))
        assert shop.talk.say(*bound)[1] == "D t"
        assert shop.semantics.requests[-1].ctx.caller_id == name
    request = shop.semantics.requests[-1]
    assert request.ctx.invocation_metadata["protocol"] == "extended"
    assert [parameter.value for parameter in request.parameters] == [b"a"]


def test_cursors_and_prepared_statements_keep_their_meaning(shop: Shop) -> None:
    shop.talk.say(Query("SET rvbbit.caller_id = 'me'"))
    assert shop.talk.say(Query(f"BEGIN; DECLARE c CURSOR FOR {MEANS}; FETCH c"))[3] == "D t"
    shop.talk.say(Query("COMMIT; PREPARE p (text) AS SELECT 'a' MEANS $1 AS yes"))
    assert shop.talk.say(Query("EXECUTE p('a')"))[1] == "D t"
    assert [request.ctx.caller_id for request in shop.semantics.requests] == ["me", "me"]


def test_notices_of_the_work_reach_the_client_at_once(shop: Shop) -> None:
    shop.semantics.before = lambda request: request.notify(Notice("NOTICE", "00000", "1 of 2"))
    before = shop.talk.client.flushes
    assert shop.talk.say(Query(MEANS))[0] == "N NOTICE 00000 1 of 2"
    assert shop.talk.client.flushes == before + 2


@pytest.mark.parametrize(
    ("sql", "flushes"),
    [
        ("SELECT 1", 0),
        ("SELECT count(*) FROM (SELECT 1) AS all_data", 1),
        ('SELECT 1 AS "rvbbit"', 1),
        ("SELECT 'all_data'", 0),
    ],
)
def test_a_statement_about_the_ledger_sees_all_of_it(shop: Shop, sql: str, flushes: int) -> None:
    shop.talk.say(Query(sql))
    assert shop.ledger.flushes == flushes


def test_a_bad_traceparent_is_an_error(shop: Shop) -> None:
    answer: list[Any] = shop.talk.say(Query(f"{MEANS} /*traceparent='zzz'*/"))
    assert answer[0].startswith("E 22023 ")
