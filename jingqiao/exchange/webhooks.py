"""Brings events to other systems: signed, in order, again until they are taken or for three days."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import requests
import sqlalchemy as sa
import structlog

from config.exchange import WebhookSettings
from config.settings import Settings
from jingqiao.clock import Clock
from jingqiao.database import reading, writing
from jingqiao.exchange.cloudevents import CONTENT_TYPE, body_of, cloud_event, signed_headers
from jingqiao.exchange.outlet import BATCH, Outlet
from jingqiao.exchange.tables import outlet_event, webhook_delivery

WAITS_S: Final = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Waits between tries [s]; the last one again and again."""
GIVE_UP_US: Final = 3 * 24 * 3600 * 1_000_000
"""How long an event is tried [µs since it happened]."""
AT_ONCE: Final = 20
"""Events of one system that are sent before what became of them is written down."""
POLL_S: Final = 1.0
"""How often it is looked for new events: other processes write them too [s]."""
_LATER: Final = frozenset({408, 425, 429})
"""HTTP states below 500 that mean later, not no."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system said. taken None = it may be tried again."""

    taken: bool | None
    words: str
    wait_s: float = 0.0


class Webhooks:
    """Follows what happens and tells other systems.

    One system that is away holds up none but itself; while it is away its events wait in their order.
    """

    def __init__(self, database: sa.Engine, settings: Settings, outlet: Outlet, clock: Clock) -> None:
        self._database = database
        self._hooks: Sequence[WebhookSettings] = settings.webhooks
        self._source = settings.event_source
        self.outlet = outlet
        self._clock = clock

    async def run(self) -> None:
        """Tell for ever: what happens is taken in, and each system told, at its own pace."""
        await asyncio.to_thread(self.outlet.start)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            for hook in self._hooks:
                group.create_task(self._bring(hook))

    async def _follow(self) -> None:
        while True:
            if await asyncio.to_thread(self.outlet.take_in) < BATCH:
                await self._clock.sleep(POLL_S)

    async def _bring(self, hook: WebhookSettings) -> None:
        while True:
            if not await asyncio.to_thread(self.send_due, hook):
                await self._clock.sleep(POLL_S)

    async def tick(self) -> int:
        """Take in what happened and send what is due, once; how many changes were taken in."""
        count = await asyncio.to_thread(self.outlet.take_in)
        await asyncio.gather(*(asyncio.to_thread(self.send_due, hook) for hook in self._hooks))
        return count

    def send_due(self, hook: WebhookSettings) -> int:
        """Send what is due to one system, in order, until one is not taken; how many were."""
        taken = 0
        while True:
            now = self._clock.now()
            with reading(self._database) as connection:
                rows = _waiting(connection, hook.name)
            done: list[tuple[int, Answer, int]] = []
            for row in rows:
                if row["due_at"] > now:
                    break
                answer = post(hook, cloud_event(row, self._source), now)
                done.append((row["delivery_id"], answer, row["tries"]))
                if answer.taken is None:
                    if now - row["at"] <= GIVE_UP_US:
                        break
                    done[-1] = (row["delivery_id"], Answer(False, answer.words), row["tries"])
            if not done:
                return taken
            with writing(self._database) as connection:
                for delivery_id, answer, tries in done:
                    self._write(connection, hook, delivery_id, answer, tries, now)
            taken += sum(answer.taken is True for _, answer, _ in done)
            if len(done) < len(rows) or done[-1][1].taken is None or len(rows) < AT_ONCE:
                return taken

    def _write(
        self,
        connection: sa.Connection,
        hook: WebhookSettings,
        delivery_id: int,
        answer: Answer,
        tries: int,
        now: int,
    ) -> None:
        values: dict[str, Any] = {"tries": tries + 1, "last_try_at": now, "last_answer": answer.words[:256]}
        match answer.taken:
            case True:
                values |= {"state": "delivered", "due_at": None, "finished_at": now}
            case False:
                values |= {"state": "dead", "due_at": None, "finished_at": now}
                log.error("an event was not taken by another system", hook=hook.name, answer=answer.words)
            case None:
                wait_s = max(WAITS_S[min(tries, len(WAITS_S) - 1)], answer.wait_s)
                values |= {"due_at": now + round(wait_s * 1_000_000)}
                log.warning("another system does not answer", hook=hook.name, answer=answer.words)
        connection.execute(
            sa.update(webhook_delivery).where(webhook_delivery.c.id == delivery_id).values(**values)
        )


def post(hook: WebhookSettings, event: Mapping[str, Any], now: int) -> Answer:
    """Send one event once. Redirects are not followed: a signed body is for one receiver."""
    body = body_of(event)
    headers = {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "jingqiao",
        **signed_headers(hook.secret.get_secret_value(), str(event["id"]), now // 1_000_000, body),
    }
    if hook.token is not None:
        headers["Authorization"] = f"Bearer {hook.token.get_secret_value()}"
    try:
        reply = requests.post(
            hook.url.get_secret_value(),
            data=body,
            headers=headers,
            timeout=(min(4.0, hook.timeout_s), hook.timeout_s),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return Answer(None, type(error).__name__)
    if 200 <= reply.status_code < 300:
        return Answer(True, f"HTTP {reply.status_code}")
    if reply.status_code >= 500 or reply.status_code in _LATER:
        wait = reply.headers.get("Retry-After", "")
        return Answer(None, f"HTTP {reply.status_code}", float(wait) if wait.isdigit() else 0.0)
    return Answer(False, f"HTTP {reply.status_code}")


@dataclass(frozen=True, slots=True)
class HookState:
    """How deliveries to one system go. waiting_since [µs]: of the oldest event that waits; None = none."""

    hook: str
    waiting: int
    waiting_since: int | None
    dead: int


def hook_states(database: sa.Engine, names: Sequence[str], since: int) -> list[HookState]:
    """How it stands with each system; dead ones are counted since a time [µs]."""
    table = webhook_delivery
    with reading(database) as connection:
        waiting: dict[str, tuple[int, int | None]] = {
            row.hook: (int(row.waiting), int(row.since))
            for row in connection.execute(
                sa.select(
                    table.c.hook,
                    sa.func.count().label("waiting"),
                    sa.func.min(outlet_event.c.at).label("since"),
                )
                .join(outlet_event, outlet_event.c.id == table.c.event_id)
                .where(table.c.state == "pending")
                .group_by(table.c.hook)
            )
        }
        dead: dict[str, int] = {
            row.hook: int(row.refused)
            for row in connection.execute(
                sa.select(table.c.hook, sa.func.count().label("refused"))
                .where(table.c.state == "dead", table.c.finished_at > since)
                .group_by(table.c.hook)
            )
        }
    states = []
    for name in names:
        count, oldest = waiting.get(name, (0, None))
        states.append(HookState(name, count, oldest, dead.get(name, 0)))
    return states


def retry_dead(connection: sa.Connection, hook: str, now: int) -> int:
    """Put a system's dead events back on their way, as if they had never been tried; how many."""
    query = sa.update(webhook_delivery).where(
        webhook_delivery.c.hook == hook, webhook_delivery.c.state == "dead"
    )
    return connection.execute(query.values(state="pending", tries=0, due_at=now, finished_at=None)).rowcount


def _waiting(connection: sa.Connection, hook: str) -> list[Mapping[str, Any]]:
    query = (
        sa.select(
            outlet_event,
            webhook_delivery.c.id.label("delivery_id"),
            webhook_delivery.c.tries,
            webhook_delivery.c.due_at,
        )
        .join(outlet_event, outlet_event.c.id == webhook_delivery.c.event_id)
        .where(webhook_delivery.c.hook == hook, webhook_delivery.c.state == "pending")
        .order_by(webhook_delivery.c.event_id)
        .limit(AT_ONCE)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
