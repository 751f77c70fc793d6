"""How the service comes up again, whatever became of its snapshots."""

from collections.abc import Sequence
from pathlib import Path

from structlog.testing import capture_logs

from config.rules import RuleSet
from config.settings import Settings
from devices.registry import Registry
from ingest.log import Control, Tick
from ingest.sqlite_log import SqliteLog
from jingqiao.registry_files import save_registry
from jingqiao.startup import KnownRegistry, start_engine
from rules.alarm import AlarmChange, MutedAlarm

NOON = 1_795_000_000_000_000


class NoBook:
    """Keeps nothing."""

    def commit(
        self,
        seq: int,
        changes: Sequence[AlarmChange],
        now: int,
        change_seqs: Sequence[int] | None = None,
        muted: Sequence[tuple[int, MutedAlarm]] = (),
    ) -> None:
        """Take no note."""


def registry(*sensors: str) -> Registry:
    return Registry.of(
        [{"asset_id": "a", "kind": "cover"}],
        [{"sensor_id": sensor, "asset_id": "a", "role": "lid"} for sensor in sensors],
    )


async def test_without_a_snapshot_a_log_from_before_the_registry_grew_is_replayed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    folder = tmp_path / "registry"
    for version, sensors in ((1, ["s"]), (2, ["s"]), (3, ["s", "t"])):
        save_registry(registry(*sensors), folder, version)
    log = SqliteLog(settings.log_path)
    for version in (1, 2, 3):
        await log.append([Control("registry", {"version": version}, NOON + version), Tick(NOON + version)])
    newest = KnownRegistry(registry("s", "t"), 3, folder)

    with capture_logs() as said:
        started = start_engine(settings, newest, RuleSet(), log, NoBook(), NOON + 10)

    assert said == []
    assert len(started.engine.registry.sensors) == 2
    assert started.known.version == 3
    assert started.seq == log.last_seq()
    log.close()
