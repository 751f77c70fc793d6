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
from jingqiao.broker_out import BrokerAwayError, BrokerOut, PublishRefusedError
from jingqiao.clock import Clock
from jingqiao.commands.queue import Due, due_commands, mark_refused, mark_sent, take_answers

_log = structlog.get_logger()

POLL_S: Final = 1.0
_ANSWERS_KEPT: Final = 10_000
_AWAY_S: Final = 5.0
"""How long a broker that was away is left alone [s]."""

_ABSENT_S: Final = 15.0
"""After so long a command is tried again whose device was not listening [s]."""


class Downlink:
    """The commands of the database's queue, on their way.

    A command goes to every source that hears its topic's first level (there is mostly one); it counts as
    sent when all of them have taken it. Its id lets a device know one that comes twice. While the broker
    says that the device does not listen, the command waits in the queue for it.
    """

    def __init__(self, database: sa.Engine, brokers: Sequence[BrokerOut], clock: Clock) -> None:
        self._database = database
        self._brokers = brokers
        self._clock = clock
        self._answers: deque[Message] = deque(maxlen=_ANSWERS_KEPT)
        self._heard: dict[tuple[str, int], bool] = {}
        self._again_at: dict[str, int] = {}
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
        now = self._clock.now()
        ids = {item.command_id for item in due}
        self._heard = {key: heard for key, heard in self._heard.items() if key[0] in ids}
        self._again_at = {key: at for key, at in self._again_at.items() if key in ids and at > now}
        for i, broker in enumerate(self._brokers):
            mine = [
                item
                for item in due
                if broker.serves(item.topic)
                and (item.command_id, i) not in self._heard
                and item.command_id not in self._again_at
            ]
            if mine and now >= self._not_before.get(i, 0):
                await self._publish_to(i, mine)
        for item in due:
            if not self._ways(item):
                await self._refuse(item, f"no source hears {item.topic.partition('/')[0]}/…")

    async def _publish_to(self, i: int, due: Sequence[Due]) -> None:
        try:
            async with self._brokers[i].connected() as publish:
                for item in due:
                    try:
                        self._heard[item.command_id, i] = await publish(item.topic, item.payload)
                    except PublishRefusedError as error:
                        await self._refuse(item, f"broker {self._brokers[i].url}: {error}")
                    else:
                        await self._settle(item)
        except BrokerAwayError as error:
            if i not in self._not_before:
                _log.error("commands wait for the broker", broker=self._brokers[i].url, reason=str(error))
            self._not_before[i] = self._clock.now() + int(_AWAY_S * 1e6)
        else:
            self._not_before.pop(i, None)

    async def _settle(self, item: Due) -> None:
        """When every broker has had it: it is sent, or nobody was there and it is tried again."""
        heard = [self._heard.get((item.command_id, way)) for way in self._ways(item)]
        if None in heard:
            return
        if any(heard):
            await asyncio.to_thread(mark_sent, self._database, item.command_id, self._clock.now())
            return
        self._again_at[item.command_id] = self._clock.now() + int(_ABSENT_S * 1e6)
        for way in self._ways(item):
            del self._heard[item.command_id, way]

    def _ways(self, item: Due) -> list[int]:
        return [i for i, broker in enumerate(self._brokers) if broker.serves(item.topic)]

    async def _refuse(self, item: Due, why: str) -> None:
        _log.error("a command cannot be sent", topic=item.topic, reason=why)
        await asyncio.to_thread(mark_refused, self._database, item.command_id, self._clock.now(), why)
