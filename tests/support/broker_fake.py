"""A way out to a broker that is there or away as a test says, and remembers what it took."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.sources import SourceSettings
from jingqiao.broker_out import BrokerAwayError, BrokerOut, Publish, PublishRefusedError


class BrokerFake(BrokerOut):
    """`away`: nobody can connect. `takes`: so many messages are taken, then the connection breaks.
    `listened`: somebody hears them. `refuses`: why none may be published."""

    def __init__(self, *topics: str) -> None:
        super().__init__(SourceSettings(topics=topics) if topics else SourceSettings())
        self.away = False
        self.takes = 1_000_000
        self.listened = True
        self.refuses = ""
        self.connections = 0
        self.taken: list[tuple[str, bytes]] = []

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Publish]:
        if self.away:
            raise BrokerAwayError("connection refused")
        self.connections += 1

        async def publish(topic: str, payload: bytes) -> bool:
            if self.refuses:
                raise PublishRefusedError(self.refuses)
            if len(self.taken) >= self.takes:
                raise BrokerAwayError("broken pipe")
            self.taken.append((topic, payload))
            return self.listened

        yield publish
