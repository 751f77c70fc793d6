"""Publish a fleet over MQTT: QoS 1, in step with a clock, bounded in flight, through broken connections."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog

from simulator.fleet import Fleet, Outgoing

log = structlog.get_logger()

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_BATCH: Final = 500
_RETRY_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class Pace(Protocol):
    """What tells the time of the scenario: wall, scaled, or moved by hand."""

    def now(self) -> int:
        """Now [µs since 1970 UTC]."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so much of this clock's time."""
        ...


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False

    @classmethod
    def of(cls, url: str) -> Broker:
        """From `mqtt://[user:password@]host[:port]` or `mqtts://…`. Raises ValueError when it is neither."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url}: write mqtt://host:1883 or mqtts://host:8883")
        return cls(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            parts.scheme == "mqtts",
        )


async def publish(
    fleet: Fleet,
    broker: Broker,
    clock: Pace | None,
    *,
    step_s: float = 1.0,
    in_flight: int = 100,
    until: Callable[[], bool] = lambda: False,
    on_sent: Callable[[Outgoing], None] | None = None,
) -> int:
    """Publish until the scenario or `until` ends; return how many messages the broker acknowledged.

    clock : Pace | None  Messages go out when this clock has reached their `at`; None = as fast as
        the broker takes them.
    step_s : float  How often to look, in the clock's time [s].
    on_sent : called for each acknowledged message.

    A broken connection is made again; what was not acknowledged is sent again (so duplicates can occur).
    """
    scene = fleet.scenario
    waiting: deque[Outgoing] = deque()
    sent = 0

    def acknowledged(message: Outgoing) -> None:
        nonlocal sent
        sent += 1
        if on_sent:
            on_sent(message)

    failures = 0
    asked = scene.start_us
    last = scene.end_us + 86_400_000_000  # late and back-filled ones come after the end
    while not until():
        try:
            async with _client(broker, in_flight) as client:
                failures = 0
                while not until():
                    if not waiting:
                        if asked >= last:
                            return sent
                        asked = min(clock.now() if clock else asked + 3_600_000_000, last)
                        waiting.extend(fleet.advance(asked))
                    await _send(client, waiting, in_flight, acknowledged)
                    if clock and not waiting:
                        await clock.sleep(step_s)
        except aiomqtt.MqttError as error:
            pause = _RETRY_S[min(failures, len(_RETRY_S) - 1)]
            failures += 1
            log.warning("The broker cannot be reached; trying again", host=broker.host, port=broker.port,
                        error=str(error), again_in_s=pause)  # fmt: skip
            await asyncio.sleep(pause)
    return sent


async def _send(
    client: aiomqtt.Client, waiting: deque[Outgoing], in_flight: int, on_sent: Callable[[Outgoing], None]
) -> None:
    """Publish the first of what waits, in order; each leaves the queue when it is acknowledged.

    Raises aiomqtt.MqttError when the connection breaks; what was not acknowledged then waits again.
    """
    batch = [waiting.popleft() for _ in range(min(len(waiting), _BATCH))]
    room = asyncio.Semaphore(in_flight)

    async def one(message: Outgoing) -> None:
        async with room:
            await client.publish(message.topic, message.payload, message.qos, message.retain, timeout=30)

    sending = [asyncio.ensure_future(one(message)) for message in batch]
    # An acknowledgement that never comes would be waited for in full: listening notices the break at once.
    listening = asyncio.ensure_future(_listen(client))
    both: set[asyncio.Future[Any]] = {asyncio.gather(*sending, return_exceptions=True), listening}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*sending, listening):
            task.cancel()
        results = await asyncio.gather(*sending, listening, return_exceptions=True)
        unsent = []
        for message, result in zip(batch, results[:-1], strict=True):
            if result is None:
                on_sent(message)
            else:
                unsent.append(message)
        waiting.extendleft(reversed(unsent))
    if unsent:
        raise next(
            (r for r in (results[-1], *results) if isinstance(r, aiomqtt.MqttError)),
            aiomqtt.MqttError("the connection broke"),
        )


async def _listen(client: aiomqtt.Client) -> None:
    """Wait for the connection to break: nobody sends us messages. Raises aiomqtt.MqttError then."""
    async for _ in client.messages:
        pass


def _client(broker: Broker, in_flight: int) -> aiomqtt.Client:
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        tls_context=ssl.create_default_context() if broker.tls else None,
        max_inflight_messages=in_flight,
    )
    client.pending_calls_threshold = in_flight  # it warns at every message above: here many are meant
    return client
