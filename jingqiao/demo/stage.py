"""Plays a scenario against the whole service in one process: broker, fleet, service, phones, duty officers.

Time is moved by hand: the fleet publishes what is due, the service takes it in, then time goes on. So the
demo shows the same on a slow machine as on a fast one, only later; or, when it is given so many seconds, with
less of the quiet days between.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import aiomqtt

from config.settings import Settings, load_settings
from config.sources import SourceSettings
from devices.import_csv import read_registry
from ingest.message import Message
from jingqiao.clock import ManualClock
from jingqiao.demo.console_door import ConsoleDoor, open_door
from jingqiao.demo.officers import Officers
from jingqiao.demo.pace import FINE_AFTER_S, SECOND_US, Pace
from jingqiao.embedded_broker import embedded_broker
from jingqiao.notify.phone import PhoneSender, Shown
from jingqiao.service import Service
from simulator.fleet import Fleet, Outgoing
from simulator.scenario import Scenario
from simulator.scenario import load as load_scenario

_IN_FLIGHT: Final = 200


@dataclass(slots=True)
class Progress:
    """How the demo stands, for the screen and the summary.

    published : int  Messages that went by the broker.  handed_over : those of quiet days that did not.
    """

    started: float = field(default_factory=time.monotonic)
    published: int = 0
    handed_over: int = 0
    now: int = 0
    ended: bool = False
    finished_scenario: bool = False

    @property
    def elapsed_s(self) -> float:
        """Wall time since the start [s]."""
        return time.monotonic() - self.started


class Stage:
    """One performance.

    folder : Path  Where the service keeps its data; made by the caller, thrown away by the caller.
    seconds : float | None  End after so much wall time; None = at the scenario's end.
    """

    def __init__(self, folder: Path, scenario_name: str = "demo", seconds: float | None = None) -> None:
        self._seconds = seconds
        self.progress = Progress()
        with as_file(files("config").joinpath("examples", "ezhou")) as city:
            self.scenario: Scenario = load_scenario(city / "scenarios" / f"{scenario_name}.toml")
            self.registry = read_registry(city / "assets.csv", city / "sensors.csv")
            self._settings = _settings(city, folder)
        self.fleet = Fleet(self.registry, self.scenario)
        self.clock = ManualClock(self.scenario.start_us)
        self.phone = PhoneSender(self.clock)
        self.service: Service | None = None
        self.door: ConsoleDoor | None = None

    async def play(
        self,
        on_step: Callable[[], None],
        on_open: Callable[[ConsoleDoor], None] | None = None,
        *,
        linger: bool = False,
    ) -> None:
        """Play to the end; `on_step` after each step of time, `on_open` when the console can be opened.

        linger : bool  Stay with the last picture until interrupted, in real time: people look around.
        """
        async with embedded_broker() as port:
            source = SourceSettings(
                url=f"mqtt://127.0.0.1:{port}", protocol="3.1.1", client_id="jingqiao-demo"
            )
            settings = self._settings.model_copy(update={"mqtt": [source]})
            self.service = service = Service(settings, self.clock, self.phone)
            self.door = open_door(service.database, settings.http.port, service.clock.now())
            officers = Officers(service, self.phone)
            stop = asyncio.Event()
            running = asyncio.create_task(service.run(stop, driven=True))
            try:
                await self._until(lambda: service.sources[0].status.connected, running)
                await self._open_permits()
                if on_open is not None:
                    on_open(self.door)
                async with aiomqtt.Client(
                    "127.0.0.1",
                    port,
                    max_inflight_messages=_IN_FLIGHT,
                    max_concurrent_outgoing_calls=_IN_FLIGHT * 2,
                ) as client:
                    await self._play(client, service, officers, on_step, running)
                if linger:
                    await self._linger(service, on_step)
            finally:
                stop.set()
                await running
                self.progress.ended = True

    async def _play(
        self,
        client: aiomqtt.Client,
        service: Service,
        officers: Officers,
        on_step: Callable[[], None],
        running: asyncio.Task[None],
    ) -> None:
        onsets = sorted(event.onset for event in self.fleet.truth)
        ends = tuple(end for _, _, end, _, _ in self.fleet.permits)
        pace = Pace(self._seconds, self.scenario.start_us, self.scenario.end_us, tuple(onsets), ends)
        fine_until = 0
        now = self.scenario.start_us
        while now < self.scenario.end_us:
            if self._seconds is not None and self.progress.elapsed_s >= self._seconds:
                return
            hurried = pace.hurried(now, self.progress.elapsed_s)
            now = min(now + pace.step(now, fine_until, hurried), self.scenario.end_us)
            await self.clock.advance((now - self.clock.now()) / SECOND_US)
            due = self.fleet.advance(now)
            if due and pace.leaps(now, fine_until, hurried):
                await self._hand_over(service, due)
            elif due:
                await self._publish(client, due)
                await self._until(
                    lambda: service.pipelines[0].counters.messages >= self.progress.published, running
                )
            before = sum(service.vitals.changes.values())
            await service.tick()
            await service.dispatcher.tick(now)
            if await officers.answer(now) or sum(service.vitals.changes.values()) != before:
                fine_until = now + FINE_AFTER_S * SECOND_US
            self.progress.now = now
            on_step()
        self.progress.finished_scenario = True

    async def _linger(self, service: Service, on_step: Callable[[], None]) -> None:
        """Second by second, with nobody but the visitors of the console acting."""
        while True:
            await asyncio.sleep(1)
            await self.clock.advance(1)
            self.progress.now = self.clock.now()
            await service.tick()
            await service.dispatcher.tick(self.clock.now())
            on_step()

    async def _publish(self, client: aiomqtt.Client, messages: list[Outgoing]) -> None:
        room = asyncio.Semaphore(_IN_FLIGHT)

        async def one(message: Outgoing) -> None:
            async with room:
                await client.publish(message.topic, message.payload, message.qos, message.retain, timeout=60)

        await asyncio.gather(*(one(message) for message in messages))
        self.progress.published += len(messages)

    async def _hand_over(self, service: Service, messages: list[Outgoing]) -> None:
        """What a broker would have delivered at its time, straight to the decoder, the log and the rules."""
        await service.intake.take([Message(sent.topic, sent.payload, sent.at) for sent in messages])
        await service.intake.settled()
        self.progress.handed_over += len(messages)

    async def _open_permits(self) -> None:
        """The office has told the service about the openings that it allowed."""
        from jingqiao.database import writing  # noqa: PLC0415
        from jingqiao.dossier.registry_store import request_control  # noqa: PLC0415

        assert self.service is not None
        with writing(self.service.database) as connection:
            for asset_id, start, end, kind, note in self.fleet.permits:
                payload = {"asset_id": asset_id, "from": start, "to": end, "kind": kind, "note": note}
                request_control(connection, kind, payload, start, self.clock.now(), "demo", note)

    async def _until(self, reached: Callable[[], bool], running: asyncio.Task[None]) -> None:
        """Let the service work until it has come so far; a service that died says why."""
        deadline = time.monotonic() + 60
        while not reached():
            if running.done():
                await running
                raise RuntimeError("the service has ended before the demo did")
            if time.monotonic() > deadline:
                raise TimeoutError("the service did not take in what was published within 60 s")
            await asyncio.sleep(0.0005)

    def messages(self) -> list[Shown]:
        """What the phones have shown, oldest first."""
        return list(self.phone.messages)


def _settings(city: Path, folder: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = load_settings(city / "jingqiao.toml")
    return settings.model_copy(
        update={"data_dir": folder, "mqtt": [], "http": settings.http.model_copy(update={"port": port})}
    )
