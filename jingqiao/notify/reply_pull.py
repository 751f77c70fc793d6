"""Fetches people's answers by SMS where a provider has to be asked for them (Tencent)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from config.roster import Roster
from jingqiao.clock import Clock
from jingqiao.database import reading
from jingqiao.incidents.tables import incident
from jingqiao.notify.channels import strict_channel
from jingqiao.notify.channels.tencentsms.channel import TencentSms
from jingqiao.notify.provider_posts import tencent_said
from jingqiao.notify.replies import Replies, Said
from jingqiao.notify.reply_spool import ReplySpool
from jingqiao.notify.sender import Outcome

AWAITED_S: Final = 5.0
"""How often it is asked while an answer is awaited [s]: an answer has to stop the escalation at once."""
IDLE_S: Final = 60.0
"""How often otherwise [s]."""
AT_ONCE: Final = 100
"""The provider gives at most so many answers at once, and none of them twice."""

log = structlog.get_logger()


class ReplyPull:
    """Asks for answers, and hands them to `Replies`.

    The provider gives no answer twice: each is on disk before anything else is done with it, and stays there
    until the database has it. What not even the disk could take is kept here for the next time.
    """

    def __init__(
        self,
        database: sa.Engine,
        roster: Callable[[], Roster],
        replies: Replies,
        clock: Clock,
        spool: ReplySpool,
    ) -> None:
        self._database = database
        self._roster = roster
        self._replies = replies
        self._clock = clock
        self._refused: set[str] = set()
        self._spool = spool
        self._unwritten: list[Said] = []

    async def run(self) -> None:
        """Ask for ever; first handle what a crash left over."""
        await asyncio.to_thread(self._replies.handle)
        while True:
            await asyncio.to_thread(self.pull)
            await self._clock.sleep(AWAITED_S if await asyncio.to_thread(self._awaited) else IDLE_S)

    def pull(self) -> int:
        """Fetch all answers there are; how many."""
        self._write_down()
        count = 0
        for account, channel in self._accounts():
            while True:
                found = channel.replies(AT_ONCE)
                if isinstance(found, Outcome):
                    self._tell(account, found)
                    break
                self._refused.discard(account)
                self._keep([tencent_said(*answer) for answer in found])
                self._write_down()
                count += len(found)
                if len(found) < AT_ONCE:
                    break
        return count

    def _keep(self, said: Sequence[Said]) -> None:
        try:
            self._spool.keep(said)
        except OSError as error:
            log.error("answers by SMS could not be put on disk", answers=len(said), reason=error.strerror)
            self._unwritten += said

    def _write_down(self) -> None:
        """Into the database, which takes an answer that it has once only; first what a crash left over."""
        waiting = [*self._spool.waiting(), *self._unwritten]
        self._replies.take(waiting)
        self._unwritten = []
        if waiting:
            self._spool.forget()

    def _accounts(self) -> Iterator[tuple[str, TencentSms]]:
        """One channel of each account in the roster: answers are kept by account, not by phone."""
        seen = set()
        for person in self._roster().people.values():
            for way in person.channels:
                if not way.url.lower().startswith(f"{TencentSms.scheme}:"):
                    continue
                try:
                    channel = strict_channel(way.url)
                except ValueError:
                    continue  # `jingqiao check` complains about it
                if isinstance(channel, TencentSms) and (account := channel.app_id) not in seen:
                    seen.add(account)
                    yield account, channel

    def _awaited(self) -> bool:
        with reading(self._database) as connection:
            query = sa.select(sa.func.count()).where(incident.c.unanswered_since.is_not(None))
            return bool(connection.execute(query).scalar_one())

    def _tell(self, account: str, refusal: Outcome) -> None:
        """Once, until it works again: answers by SMS do not come through, links and the console still do."""
        if account not in self._refused:
            self._refused.add(account)
            log.error("answers by SMS cannot be fetched", app=account, code=refusal.provider_code)
