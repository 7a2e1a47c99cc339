"""A worker process for delivery tests: appends every record it applies to a file.

    python -m tests.support.chunk_worker OUT TOPIC SETTINGS_JSON [FAIL_AT_VALUE]

Each line of OUT is `partition offset value`, written before the acknowledgement. A record whose
value is FAIL_AT_VALUE raises, as a bug would. Ends with 0 on SIGTERM, with 1 on a crash.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

from stream import settings as settings_module
from stream.kafka.chunks import ChunkApp, build_app
from stream.kafka.deliveries import Delivery, Record, TopicPartition
from stream.kafka.partitions import serve
from stream.kafka.sources import Sources


class NoHealth:
    def stuck(self, what: str) -> None: ...
    def unstuck(self, what: str) -> None: ...
    def unavailable(self, part: str, message: str) -> None: ...
    def available(self, part: str) -> None: ...


class Writing:
    def __init__(self, out: str, fail_at: bytes | None) -> None:
        self._out = os.open(out, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._fail_at = fail_at

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        lines = []
        for record in records:
            if record.value == self._fail_at:
                raise ZeroDivisionError(f"planted at {record.value!r}")
            value = (record.value or b"").decode()
            lines.append(f"{delivery.partition} {record.offset} {value}\n")
        await asyncio.sleep(0.05)  # work: long enough that an end of the process falls into it
        delivery.check_owned()
        os.write(self._out, "".join(lines).encode())

    async def finish(self, delivery: Delivery) -> None:
        await delivery.ack()

    def revoked(self, tps: frozenset[TopicPartition]) -> None: ...


async def main(out: str, topic: str, settings_json: str, fail_at: str | None = None) -> int:
    settings = settings_module.load(**json.loads(settings_json))
    app = build_app(settings)
    handler = Writing(out, fail_at.encode() if fail_at else None)
    serve(app, topic, handler, settings=settings, sources=Sources(settings), health=NoHealth())
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    await app.start()
    return await _until_end(app, terminated)


async def _until_end(app: ChunkApp, terminated: asyncio.Event) -> int:
    failed = asyncio.create_task(app.wait_failed())
    told = asyncio.create_task(terminated.wait())
    await asyncio.wait({failed, told}, return_when=asyncio.FIRST_COMPLETED)
    if failed.done():
        sys.stderr.write(f"crashed: {failed.result()!r}\n")
        sys.stderr.flush()
        os._exit(1)
    await app.stop()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
