"""Batches of large results: encoded side by side, sent in order, nothing after a fault."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest
from dialogue import ScriptedClient

from rvbbit_proxy.engine.upstream import Batch, RawRows
from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.session.client import ClientLost
from rvbbit_proxy.session.row_stream import send_behind


def batches(*values: bytes) -> list[RawRows]:
    return [RawRows([(value,)], (0,)) for value in values]


def value_of(batch: Batch) -> bytes:
    assert isinstance(batch, RawRows)
    (value,) = batch.rows[0]
    assert value is not None
    return value


def test_a_later_batch_is_encoded_while_an_earlier_one_is_and_leaves_after_it() -> None:
    client, later_began = ScriptedClient(), Event()

    def encode(batch: Batch) -> bytes:
        value = value_of(batch)
        if value == b"a":
            assert later_began.wait(10)
        elif value == b"b":
            later_began.set()
        return value

    assert send_behind(batches(*(b"abcdefgh"[place : place + 1] for place in range(8))), encode, client) == 8
    assert client.said == b"abcdefgh"


@pytest.mark.parametrize("encoders", [1, 2])
def test_a_fault_of_encoding_comes_out_and_nothing_after_it_leaves(encoders: int) -> None:
    client = ScriptedClient()

    def encode(batch: Batch) -> bytes:
        if value_of(batch) == b"c":
            raise NotSupported("no")
        return value_of(batch)

    with pytest.raises(NotSupported):
        send_behind(batches(b"a", b"b", b"c", b"d", b"e", b"f"), encode, client, encoders)
    assert client.said == b"ab"


def test_what_was_read_before_a_fault_of_reading_leaves() -> None:
    client = ScriptedClient()

    def read() -> Iterator[Batch]:
        yield from batches(b"a", b"b")
        raise NotSupported("no")

    with pytest.raises(NotSupported):
        send_behind(read(), value_of, client)
    assert client.said == b"ab"


def test_a_lost_client_ends_the_reading() -> None:
    client, read = ScriptedClient(), []
    client.lost = True

    def endless() -> Iterator[Batch]:
        while True:
            read.append(1)
            yield from batches(b"a")

    with pytest.raises(ClientLost):
        send_behind(endless(), value_of, client)
    assert len(read) < 10
