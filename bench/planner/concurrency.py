"""How close requests come to filling the slots they may use: a filter that asks one text at a time.

Run: ``python bench/planner/concurrency.py [--texts 1200] [--latency-ms 50]``. With c requests at a time, n of them take
n × latency / c at best; the ratio to that is what counts. The model answers each request after the latency and does
next to nothing else, so that what is lost is lost by the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import ours
import psycopg

AT_A_TIME = (4, 16, 32)
STATEMENT = "SELECT id FROM messages WHERE body MEANS 'is a complaint'"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "scripted",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "true"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 80, "completion_tokens": 1, "total_tokens": 81},
}
BODY = json.dumps(ANSWER).encode()
RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1200)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    options = parser.parse_args()
    os.environ["RVBBIT_CONCURRENCY"] = str(max(AT_A_TIME))
    latency_s = options.latency_ms / 1000
    rows = [
        {"id": number, "body": f"message {number}: the parcel arrived late, with a broken box, and nobody called"}
        for number in range(options.texts)
    ]
    spawn = multiprocessing.get_context("spawn")
    told, tell = spawn.Pipe(duplex=False)
    model = spawn.Process(target=_run_model, args=(latency_s, tell), daemon=True)
    model.start()
    port = told.recv()
    print(f"{'at a time':>10} {'seconds':>10} {'at best':>10} {'ratio':>6}")
    for slots in AT_A_TIME:
        with (
            tempfile.TemporaryDirectory(prefix="rvbbit-bench-") as folder,
            ours.serving(Path(folder), {"messages": rows}, f"http://127.0.0.1:{port}/v1") as conninfo,
            psycopg.connect(conninfo, autocommit=True) as connection,
        ):
            ours.warm_up(conninfo)
            connection.execute("SET rvbbit.batch_size = 1")
            connection.execute(f"SET rvbbit.concurrency = {slots}")
            begin = time.perf_counter()
            connection.execute(STATEMENT)
            seconds = time.perf_counter() - begin
        best = options.texts * latency_s / slots
        print(f"{slots:10} {seconds:10.2f} {best:10.2f} {seconds / best:6.2f}")
    model.terminate()


def _run_model(latency_s: float, tell: Connection) -> None:
    asyncio.run(_serve(latency_s, tell))


async def _serve(latency_s: float, tell: Connection) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                await asyncio.sleep(latency_s)
                writer.write(RESPONSE)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    tell.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    main()
