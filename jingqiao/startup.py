"""From files on disk to an engine that knows what the last run knew: registry, snapshot, replay."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
import structlog

from config.faults import FaultsError
from config.rules import RuleSet, load_rules
from config.settings import Settings
from devices.registry import Registry
from ingest.log import Control, Log
from jingqiao.dossier.importing import import_files
from jingqiao.dossier.registry_store import load_registry as load_from_database
from jingqiao.dossier.registry_store import load_registry_version
from jingqiao.registry_files import load_registry, save_registry
from jingqiao.runner import Book, judge
from jingqiao.snapshots import snapshots
from rules.alarm import AlarmChange, MutedAlarm
from rules.engine import Engine

_log = structlog.get_logger()
_REPLAY_RECORDS = 1000

T = TypeVar("T")


@dataclass(slots=True)
class KnownRegistry:
    """The registry of the moment; the runner swaps it when a control record says so."""

    registry: Registry
    version: int
    folder: Path

    def follow(self, engine: Engine, control: Control) -> None:
        """Take a later version when a `registry` control names one.

        An earlier one is passed over: a replay without a snapshot begins with the newest registry, whose
        rows hold all earlier ones in their places.
        """
        if control.name != "registry":
            return
        version = int(control.payload["version"])
        if version <= self.version:
            return
        try:
            self.registry = load_registry(self.folder, version)
        except FileNotFoundError:
            _log.error("a registry version is gone; going on with the one at hand", version=version)
            return
        self.version = version
        engine.registry_changed(self.registry)


@dataclass(frozen=True, slots=True)
class Started:
    """An engine ready for the record after `seq`."""

    engine: Engine
    known: KnownRegistry
    seq: int
    replayed: int


def import_named_files(settings: Settings, database: sa.Engine, at: int) -> None:
    """Import the registry files that the settings name, when they have changed. Raises FaultsError."""
    files = [p for p in (settings.registry.assets, settings.registry.sensors) if p is not None]
    if not files:
        return
    stamp_file = settings.data_dir / "registry-files.sha256"
    digest = hashlib.sha256(settings.registry.crs.encode())
    for path in files:
        digest.update(path.read_bytes() if path.exists() else b"")
    stamp = digest.hexdigest()
    if stamp_file.exists() and stamp_file.read_text("utf-8") == stamp:
        return
    plan = import_files(
        database,
        settings.registry.assets,
        settings.registry.sensors,
        at=at,
        who="settings",
        crs=settings.registry.crs,
        language=settings.language,
    )
    stamp_file.write_text(stamp, "utf-8")
    _log.info("registry files imported", **plan.counts)


def registry_now(settings: Settings, database: sa.Engine) -> KnownRegistry:
    """The newest registry of the database, kept as a file for replays."""
    version = load_registry_version(database)
    folder = settings.data_dir / "registry"
    try:
        registry = load_registry(folder, version)
    except FileNotFoundError:
        registry = load_from_database(database)
        save_registry(registry, folder, version)
    return KnownRegistry(registry, version, folder)


def rules_of(settings: Settings) -> RuleSet:
    """The rule set that the settings name, or the defaults. Raises FaultsError."""
    if settings.rules is None:
        return RuleSet()
    return good_or_last_good(settings.rules, load_rules, settings.data_dir)


def good_or_last_good(path: Path, load: Callable[[Path], T], data_dir: Path) -> T:
    """The file, or, when it is faulty, what it was when the service last started with it.

    A typo and a power cut together must not leave the city unwatched. Raises FaultsError when there is no
    earlier one.
    """
    kept = data_dir / "last-good" / path.name
    try:
        loaded = load(path)
    except FaultsError as error:
        if not kept.exists():
            raise
        _log.error(
            "a file is faulty; the service starts with what it was before. Mend it: it is taken at once",
            file=str(path),
            faults=[str(fault) for fault in error.faults[:5]],
        )
        return load(kept)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, kept)
    kept.chmod(0o600)
    return loaded


def start_engine(
    settings: Settings,
    newest: KnownRegistry,
    rules: RuleSet,
    log: Log,
    book: Book,
    now: int,
    heard: Callable[[Control], None] = lambda _control: None,
) -> Started:
    """Newest usable snapshot, then the log from there, with the registry of that time.

    What was committed already is suppressed by the book. heard : told of every control of the replay.
    """
    engine, then, seq = _restored(settings, newest, rules)
    last = log.last_seq()
    first = seq

    def before_control(control: Control) -> None:
        heard(control)
        then.follow(engine, control)

    while seq < last:
        changes: list[AlarmChange] = []
        seqs: list[int] = []
        muted: list[tuple[int, MutedAlarm]] = []
        part = list(log.read(seq, _REPLAY_RECORDS))
        if not part:
            break
        for number, record in part:
            new = judge(engine, record, before_control)
            changes += new
            seqs += [number] * len(new)
            muted += [(number, item) for item in engine.take_muted()]
        seq = part[-1][0]
        if changes or muted:
            book.commit(seq, changes, now, seqs, muted)
    if then.version != newest.version:
        engine.registry_changed(newest.registry)
    return Started(engine, newest, max(seq, last), last - first)


def _restored(settings: Settings, newest: KnownRegistry, rules: RuleSet) -> tuple[Engine, KnownRegistry, int]:
    for head, state in snapshots(settings.snapshot_dir):
        try:
            registry = load_registry(newest.folder, head.registry_version)
            engine = Engine(registry, rules)
            engine.restore(state)
        except (ValueError, KeyError, FileNotFoundError) as error:
            _log.warning("engine snapshot does not fit; trying an older one", seq=head.seq, reason=str(error))
            continue
        return engine, KnownRegistry(registry, head.registry_version, newest.folder), head.seq
    return (
        Engine(newest.registry, rules),
        KnownRegistry(newest.registry, newest.version, newest.folder),
        0,
    )
