"""The running service: sources, log, engine, incidents, messages, archive, wired together once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog

from config.archive import DuckDBArchiveSettings, InfluxArchiveSettings
from config.roster import Roster, load_roster
from config.rules import RuleSet
from config.settings import Settings
from config.sources import SourceSettings
from devices.registry import Registry
from ingest.decode import Router
from ingest.envelopes.catalogue import STATELESS, routes
from ingest.envelopes.ctwing import retry_key
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.log import Control, Record, Tick
from ingest.message import DecodedBatch
from ingest.mqtt5_source import Mqtt5Source
from ingest.mqtt311_source import Mqtt311Source
from ingest.pipeline import Pipeline
from ingest.source import Source
from ingest.sqlite_log import SqliteLog
from jingqiao.api.app import create_app
from jingqiao.api.server import HttpServer, listen
from jingqiao.archive.contract import Archive
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.archive.feeder import ArchiveFeeder
from jingqiao.archive.influxdb import InfluxDBArchive
from jingqiao.backlog import backlog_taken_in
from jingqiao.baseline_keeper import BaselineKeeper
from jingqiao.bridge_state import bridge_state
from jingqiao.broker_out import BrokerOut
from jingqiao.clock import Clock
from jingqiao.console.changes import Changes
from jingqiao.console.warming import keep_warm
from jingqiao.controls import mark_taken, open_requests
from jingqiao.database import migrate, open_database
from jingqiao.dossier.registry_store import load_registry as load_from_database
from jingqiao.downlink import Downlink
from jingqiao.exchange.outlet import Outlet
from jingqiao.exchange.webhooks import Webhooks
from jingqiao.explaining import explain_from
from jingqiao.fleet.device_book import DeviceBook
from jingqiao.fleet.state import FleetState, fleet_of
from jingqiao.housekeeping import Housekeeping
from jingqiao.incidents.areas import rule_of
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.facts import asset_facts
from jingqiao.intake import Intake
from jingqiao.journal import Journal
from jingqiao.modal.keeper import ModalKeeper
from jingqiao.notify.dispatcher import Dispatcher
from jingqiao.notify.heartbeat import Heartbeat
from jingqiao.notify.links import AnswerLinks, kept_key
from jingqiao.notify.planner import Planner
from jingqiao.notify.pushed import PushedReceipts
from jingqiao.notify.replies import Replies
from jingqiao.notify.reply_pull import ReplyPull
from jingqiao.notify.reply_spool import ReplySpool
from jingqiao.notify.sender import Sender
from jingqiao.notify.shift_watch import ShiftWatch
from jingqiao.notify.urging import look_again
from jingqiao.rebirths import Rebirths
from jingqiao.registry_files import save_registry
from jingqiao.reload import Reload
from jingqiao.response_counts import ResponseCounts, response_counts
from jingqiao.retries import Retries
from jingqiao.roster.current import CurrentRoster
from jingqiao.runner import Runner
from jingqiao.snapshots import SnapshotHead, write_snapshot
from jingqiao.startup import good_or_last_good, import_named_files, registry_now, rules_of, start_engine
from jingqiao.supervise import kept_going
from jingqiao.vitals import Vitals
from jingqiao.work_calendar import calendar_of, unknown_year

_log = structlog.get_logger()

REPLY_SPOOL: Final = "sms-replies.jsonl"
"""File in the data directory for answers that are in no database yet."""


class Service:
    """Everything from the broker to the outbox, for one settings file.

    Raises FaultsError (registry, roster, rules), LogUnavailableError, ArchiveUnavailableError and
    sqlalchemy errors while it is built: a service that cannot do its work does not start.

    sender : Sender  Hands messages to providers.
    """

    def __init__(self, settings: Settings, clock: Clock, sender: Sender) -> None:
        self.settings = settings
        self.clock = clock
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.database = open_database(settings.database_url)
        migrate(self.database)
        import_named_files(settings, self.database, clock.now())
        known = registry_now(settings, self.database)
        self._known = known
        rules = rules_of(settings)
        self.log = SqliteLog(settings.log_path)
        self.vitals = Vitals(clock.now())
        self.link_key = kept_key(settings.data_dir / "links.key")
        self._roster = CurrentRoster(self.database, roster_file(settings), clock, self._roster_changed)
        self.planner = planner = Planner(self.roster, AnswerLinks(self.roster, self.link_key, clock.now))
        self.dispatcher = Dispatcher(self.database, sender, self.roster, planner, clock)
        wake = self.dispatcher.wake
        self.receipts = PushedReceipts(self.database, self.roster, planner, wake)
        self.replies = Replies(self.database, self.roster, planner, clock.now, wake)
        self.reply_pull = ReplyPull(
            self.database,
            self.roster,
            self.replies,
            clock,
            ReplySpool(settings.data_dir / REPLY_SPOOL),
        )
        self.webhooks = Webhooks(
            self.database, settings, Outlet(self.database, settings, clock.now, self.roster), clock
        )
        self.book = IncidentBook(
            self.database,
            lambda asset_id, sensor_id: asset_facts(self.registry(), asset_id, sensor_id),
            planner,
            self.dispatcher.wake,
            area_rule=lambda: rule_of(self.roster().calm),
        )
        self.devices = DeviceBook(self.database)
        started = start_engine(
            settings, known, rules, self.log, self.book, clock.now(), heard=self.devices.take
        )
        self._known = started.known
        self._new_rules: RuleSet | None = rules if started.engine.rules != rules else None
        self.engine = started.engine
        self.runner = Runner(
            started.engine, self.book, self.vitals, clock.now, started.seq + 1, self._before_control
        )
        self.vitals.applied_seq = started.seq
        self.changes = Changes(self.database)
        self.journal = Journal(self.log, self.runner.deliver)
        self.archive = open_archive(settings, self.registry)
        self.feeder = ArchiveFeeder(self.log, self.archive) if self.archive is not None else None
        self.baselines = BaselineKeeper(self.database, clock)
        self.sources = [open_source(source, clock.now) for source in settings.mqtt]
        sparkplug = [SparkplugDecoder() for _ in self.sources]
        self.pipelines = [
            Pipeline(source, self.log, self.registry, Router(routes(decoder)), self._deliver, clock.now)
            for source, decoder in zip(self.sources, sparkplug, strict=True)
        ]
        self.intake = Intake(self.log, self.registry, Router(STATELESS), retry_key, self._deliver)
        brokers = [BrokerOut(source) for source in settings.mqtt]
        self.downlink = Downlink(self.database, brokers, clock)
        self.rebirths = Rebirths(list(zip(sparkplug, brokers, strict=True)), clock)
        self.retries = Retries(self.database, settings.log_path, self.registry, self.journal, clock)
        self.reload = Reload(settings, self.registry, self.take_rules, self.take_roster, clock)
        feeder = self.feeder
        self.housekeeping = Housekeeping(
            settings,
            self.log,
            self.archive,
            self.database,
            clock,
            self._known.folder,
            None if feeder is None else lambda: feeder.status.offset,
        )
        self.heartbeat = Heartbeat(self.database, clock, settings.heartbeat, self._engine_moves)
        self.shift_watch = (
            ShiftWatch(self.database, self.roster, clock, self.dispatcher.wake) if settings.roster else None
        )
        self._gateways: set[int] = set()
        self._say_what_is_not_known(self.roster())
        if started.replayed:
            _log.info("log replayed", records=started.replayed, engine_at=started.seq)

    def registry(self) -> Registry:
        """The registry of the moment."""
        return self._known.registry

    def roster(self) -> Roster:
        """The roster of the moment."""
        return self._roster()

    def take_rules(self, rules: RuleSet) -> None:
        """Judge by other rules from the next tick on; they have been checked."""
        self._new_rules = rules

    def read_roster_anew(self) -> None:
        """Take at once what was changed on the roster in this process; others' changes come by themselves."""
        self._roster.step()

    def take_roster(self, roster: Roster) -> None:
        """Tell others from now on."""
        self._roster.take(roster)
        self._say_what_is_not_known(roster)
        look_again(self.database, self.clock.now())

    def _roster_changed(self) -> None:
        self.dispatcher.wake()

    def _say_what_is_not_known(self, roster: Roster) -> None:
        year = unknown_year(calendar_of(roster.work, roster.zone), self.clock.now())
        if year is not None:
            _log.warning("holidays are not known; deadlines take Monday to Friday as worked", year=year)

    def _engine_moves(self) -> bool:
        """Whether the rules kept up lately; without that no warning can be born."""
        applied_at = self.vitals.applied_at
        return not applied_at or self.clock.now() - applied_at <= max(30.0, 3 * self.settings.tick_s) * 1e6

    def response_counts(self) -> ResponseCounts:
        """Open incidents and messages of the last day."""
        return response_counts(self.database, self.clock.now())

    async def run(self, stop: asyncio.Event, *, driven: bool = False) -> None:
        """Serve until `stop` is set; then finish what is in flight.

        driven : bool  The caller moves time: it calls `tick` and `dispatcher.tick` itself (demo, tests).

        Raises PortTakenError at once when the HTTP port is not free.
        """
        listening = listen(self.settings.http)
        async with asyncio.TaskGroup() as group:
            loops: dict[str, Callable[[], Awaitable[None]]] = {
                "intake": self.intake.run,
                "consoles": self.changes.run,
            }
            if self.feeder is not None:
                loops["archive"] = self.feeder.run
            if not driven:
                loops |= {
                    "ticks": self._tick_for_ever,
                    "snapshots": self._snapshot_for_ever,
                    "messages": self.dispatcher.run,
                    "commands": self.downlink.run,
                    "rebirths": self.rebirths.run,
                    "retries": self.retries.run,
                    "reload": self.reload.run,
                    "roster": self._roster.run,
                    "housekeeping": self.housekeeping.run,
                    "natural frequencies": ModalKeeper(
                        self.settings, self.archive, self.database, self.registry, self.clock
                    ).run,
                    "heartbeat": self.heartbeat.run,
                    "replies": self.reply_pull.run,
                }
                if self.webhooks.outlet.wanted:
                    loops["outlet"] = self.webhooks.run
                if self.shift_watch is not None:
                    loops["shifts"] = self.shift_watch.run
            tasks = [group.create_task(kept_going(part, loop), name=part) for part, loop in loops.items()]
            app = create_app(self, driven=driven)
            pages = kept_going("pages", lambda: keep_warm(app.state.city, app.state.parts))
            tasks.append(group.create_task(pages, name="pages"))
            server = HttpServer.of(app, self.settings.http)
            web = group.create_task(server.serve([listening]))
            pipelines = [group.create_task(pipeline.run()) for pipeline in self.pipelines]
            await stop.wait()
            for pipeline in self.pipelines:
                pipeline.stop()
            await asyncio.gather(*pipelines, return_exceptions=True)
            self.changes.close()
            server.should_exit = True
            await web
            await self.intake.settled()
            for task in tasks:
                task.cancel()
        await self.keep_snapshot()
        await self.close()

    async def explain(self, asset: str) -> list[dict[str, Any]]:
        """What the engine knows of each sensor of an asset now. Raises ExplainError."""
        return await self.runner.ask(lambda: explain_from(self.engine, self.registry(), asset))

    async def fleet(self) -> FleetState:
        """What the engine knows of all devices now."""
        return await self.runner.ask(lambda: fleet_of(self.engine))

    async def bridge_state(self, asset: str) -> list[dict[str, Any]]:
        """What the engine knows of each sensor of a bridge now, and how its gauges came to be so."""
        return await self.runner.ask(lambda: bridge_state(self.engine, asset))

    async def tick(self) -> None:
        """Let time pass for the rules, and take what people asked for."""
        records: list[Record] = [Tick(self.clock.now())]
        rules = self._new_rules
        if rules is not None:
            records.insert(0, Control("rules", rules.model_dump(mode="json"), self.clock.now()))
        if await self.journal.write(records) is not None and self._new_rules is rules:
            self._new_rules = None
        await asyncio.to_thread(self.devices.write)
        asked = await asyncio.to_thread(open_requests, self.database)
        for item in asked:
            if item.control.name == "registry":
                await asyncio.to_thread(self._keep_registry, int(item.control.payload["version"]))
            seq = await self.journal.write([item.control])
            if seq is None:
                return
            await asyncio.to_thread(mark_taken, self.database, [item], seq)

    async def keep_snapshot(self) -> None:
        """Write the engine's state to disk, and what it has learned into the dossier."""
        seq, state = await self.runner.snapshot()
        await asyncio.to_thread(self.devices.write)  # a replay from here on does not hear them again
        head = SnapshotHead(seq, self._known.version)
        await asyncio.to_thread(write_snapshot, self.settings.snapshot_dir, head, state)
        self.vitals.snapshot_seq = seq
        await asyncio.to_thread(self.baselines.note, state)

    async def close(self) -> None:
        """Let go of files and connections."""
        self.dispatcher.close()
        if self.archive is not None:
            await asyncio.to_thread(self.archive.close)
        self.log.close()
        self.database.dispose()

    async def _tick_for_ever(self) -> None:
        await backlog_taken_in(
            lambda: all(source.status.connected for source in self.sources),
            lambda: sum(pipeline.counters.messages for pipeline in self.pipelines),
            lambda: self.vitals.last_reading_at,
            self.clock.now,
        )
        while True:
            await self.tick()
            await self.clock.sleep(self.settings.tick_s)

    async def _snapshot_for_ever(self) -> None:
        while True:
            await self.clock.sleep(self.settings.snapshot_s)
            try:
                await self.keep_snapshot()
            except OSError as error:
                _log.error("no engine snapshot; a restart will take longer", reason=error.strerror)

    async def _deliver(self, seq: int, records: Sequence[Record], batch: DecodedBatch) -> None:
        if self.feeder is not None:
            self.feeder.wake()
        await self.runner.deliver(seq, records)
        said = [
            Control("presence", {"sensor_id": self.registry().sensor_id(sensor), "online": online}, at)
            for sensor, (online, at) in batch.presence.items()
        ]
        for key, name in batch.gateways.items():
            if key not in self._gateways:
                self._gateways.add(key)
                said.append(Control("gateway", {"key": key, "gateway_id": name}, self.clock.now()))
        self.downlink.hear(batch.answers)
        if said:
            await self.journal.write(said)

    def _before_control(self, control: Control) -> None:
        self.devices.take(control)
        self._known.follow(self.engine, control)

    def _keep_registry(self, version: int) -> None:
        save_registry(load_from_database(self.database), self._known.folder, version)


def open_source(settings: SourceSettings, now: Callable[[], int]) -> Source:
    """The source for a broker: the lossless hot path for MQTT 5, aiomqtt for 3.1.1."""
    return Mqtt5Source(settings, now) if settings.protocol == "5" else Mqtt311Source(settings, now)


def roster_file(settings: Settings) -> Roster:
    """The roster that the settings name, or the last good one; nobody where none is named."""
    if settings.roster is None:
        return nobody()
    return good_or_last_good(settings.roster, load_roster, settings.data_dir)


def nobody() -> Roster:
    """The roster of an office that has written none: every message fails, loudly."""
    return Roster.model_validate(
        {
            "fallback": "nobody",
            "people": {"nobody": {"name": "nobody"}},
            "teams": [{"id": "none", "shifts": [{"people": ["nobody"]}]}],
        }
    )


def open_archive(settings: Settings, registry: Callable[[], Registry]) -> Archive | None:
    """The archive that the settings ask for; None = none. Raises ArchiveUnavailableError."""
    match settings.archive:
        case DuckDBArchiveSettings():
            return DuckDBArchive(settings.data_dir / "archive.duckdb", registry)
        case InfluxArchiveSettings() as influx:
            return InfluxDBArchive(influx, settings.data_dir / "archive-offset.json", registry)
        case _:
            return None
