"""A client that vanishes while its statement asks a model: the asking stops."""

from __future__ import annotations

import socket
import struct

from dialogue.frontend_text import encode, startup
from scripted_model import Fault, ScriptedModel

from tests.e2e.conftest import Running


def test_spending_stops_when_the_client_has_gone(sightings: Running, model: ScriptedModel) -> None:
    model.fail(*[Fault("hang")] * 8)
    with socket.create_connection((sightings.host, sightings.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(
            startup("3.0", {"user": "ann", "options": "-c rvbbit.caller_id=gone -c rvbbit.concurrency=2"})
        )
        client.sendall(encode("Query SELECT id FROM sightings WHERE title MEANS 'visual'"))
        model.wait_until(lambda: model.in_flight == 2)
    server = sightings.app.server
    assert server is not None
    for thread in tuple(server._connections):
        thread.join(10)
        assert not thread.is_alive()
    with sightings.connect() as connection:
        ended = connection.execute(
            "SELECT status FROM rvbbit.sql_query_log WHERE caller_id = 'gone' AND ended_at IS NOT NULL"
        ).fetchall()
    assert ended == [("cancelled",)]
    assert model.requests == 2
