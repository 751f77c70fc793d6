"""Commands down: what is due goes to the broker, what devices answer is written down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from ingest.message import Message
from jingqiao.broker_out import BrokerAwayError, BrokerOut
from jingqiao.clock import Clock
from jingqiao.commands.queue import Due, due_commands, mark_refused, mark_sent, take_answers

_log = structlog.get_logger()

POLL_S: Final = 1.0
_ANSWERS_KEPT: Final = 10_000
_AWAY_S: Final = 5.0
"""How long a broker that was away is left alone [s]."""


class Downlink:
    """The commands of the database's queue, on their way.

    A command goes to every source that hears its topic's first level (there is mostly one); it counts as
    sent when all of them have taken it. Its id lets a device know one that comes twice.
    """

    def __init__(self, database: sa.Engine, brokers: Sequence[BrokerOut], clock: Clock) -> None:
        self._database = database
        self._brokers = brokers
        self._clock = clock
        self._answers: deque[Message] = deque(maxlen=_ANSWERS_KEPT)
        self._taken: set[tuple[str, int]] = set()
        self._not_before: dict[int, int] = {}
        self._database_away = False

    def hear(self, answers: Iterable[Message]) -> None:
        """Take messages that may be answers; they are written down at the next step."""
        self._answers.extend(answers)

    async def run(self) -> None:
        """Step for ever."""
        while True:
            await self.step()
            await self._clock.sleep(POLL_S)

    async def step(self) -> None:
        """Write down answers, end what waited too long, publish what is due."""
        try:
            await self._write_down()
            due = await asyncio.to_thread(due_commands, self._database, self._clock.now())
            await self._publish(due)
        except SQLAlchemyError as error:
            if not self._database_away:
                _log.error("commands wait for the database", reason=str(error).splitlines()[0])
            self._database_away = True
        else:
            self._database_away = False

    async def _write_down(self) -> None:
        while self._answers:
            answer = self._answers.popleft()
            said = [(answer.topic, answer.payload)]
            try:
                await asyncio.to_thread(take_answers, self._database, said, self._clock.now())
            except RecursionError:
                _log.warning("an answer is nested too deep to be read", topic=answer.topic)
            except SQLAlchemyError:
                self._answers.appendleft(answer)
                raise

    async def _publish(self, due: Sequence[Due]) -> None:
        self._taken = {(command, i) for command, i in self._taken if command in {d.command_id for d in due}}
        ways = {
            item.command_id: [i for i, b in enumerate(self._brokers) if b.serves(item.topic)] for item in due
        }
        for item in due:
            if not ways[item.command_id]:
                await asyncio.to_thread(
                    mark_refused,
                    self._database,
                    item.command_id,
                    self._clock.now(),
                    f"no source hears {item.topic.partition('/')[0]}/…",
                )
        for i in range(len(self._brokers)):
            mine = [d for d in due if i in ways[d.command_id] and (d.command_id, i) not in self._taken]
            if mine and self._clock.now() >= self._not_before.get(i, 0):
                await self._publish_to(i, mine, ways)

    async def _publish_to(self, i: int, due: Sequence[Due], ways: dict[str, list[int]]) -> None:
        try:
            async with self._brokers[i].connected() as publish:
                for item in due:
                    await publish(item.topic, item.payload)
                    self._taken.add((item.command_id, i))
                    if all((item.command_id, way) in self._taken for way in ways[item.command_id]):
                        await asyncio.to_thread(mark_sent, self._database, item.command_id, self._clock.now())
        except BrokerAwayError as error:
            if i not in self._not_before:
                _log.error("commands wait for the broker", broker=self._brokers[i].url, reason=str(error))
            self._not_before[i] = self._clock.now() + int(_AWAY_S * 1e6)
        else:
            self._not_before.pop(i, None)
