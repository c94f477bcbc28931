"""What a PostgreSQL upstream says besides results reaches the client of the whole server."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import Running


def test_notices_and_notifications(serve: Callable[..., Running], postgres_url: str) -> None:
    notices: list[str | None] = []
    with serve(upstream=postgres_url).connect() as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        connection.execute("DROP TABLE IF EXISTS never_there")
        assert notices == ['table "never_there" does not exist, skipping']
        connection.execute("LISTEN bell")
        connection.execute("NOTIFY bell, 'rung'")
        heard = next(connection.notifies(timeout=10))
        assert (heard.channel, heard.payload) == ("bell", "rung")
        pid = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert pid == (connection.info.backend_pid,)
