"""Hours of raw acceleration become kept modes, once each, without the rules' knowing."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.settings import Settings
from devices.registry import Registry
from jingqiao.clock import ManualClock
from jingqiao.database import migrate, open_database
from jingqiao.modal import keeper as keepers
from jingqiao.modal.child import Identifies, apart
from jingqiao.modal.keeper import ModalKeeper
from jingqiao.modal.observation import Mode, Observation, kept
from jingqiao.modal.window import Window
from tests.jingqiao.modal.conftest import HOUR_US, SENSORS, START_US, Fill

seen: list[Window] = []


@contextmanager
def one_mode() -> Iterator[Identifies]:
    """Says the same of every window."""

    def identify(window: Window) -> list[Mode]:
        seen.append(window)
        return [Mode(2.3, 0.01, 0.01, 1.0, tuple(1.0 for _ in window.sensor_ids))]

    seen.clear()
    yield identify


@pytest.fixture
def database(tmp_path: Path) -> sa.Engine:
    engine = open_database(f"sqlite:///{tmp_path / 'people.db'}")
    migrate(engine)
    return engine


def keeper(archive: object, database: sa.Engine, registry: Registry, hour: float = 5.0) -> ModalKeeper:
    clock = ManualClock(START_US + round(hour * HOUR_US))
    return ModalKeeper(Settings(), archive, database, lambda: registry, clock, one_mode)  # type: ignore[arg-type]


def test_every_hour_with_samples_is_kept_with_its_temperature(
    fill: Fill, database: sa.Engine, registry: Registry
) -> None:
    archive = fill((1, 3), warm=21.5)
    assert keeper(archive, database, registry).step() == 2
    found = kept(database, "B")
    assert [one.start for one in found] == [START_US + hour * HOUR_US for hour in (1, 3)]
    assert found[0] == Observation(
        START_US + HOUR_US,
        SENSORS,
        (Mode(2.3, 0.01, 0.01, 1.0, (1.0, 1.0, 1.0, 1.0)),),
        "",
        21.5,
        50.0,
        {},
    )
    assert kept(database, "C") == []
    archive.close()


def test_an_hour_is_analysed_once_and_what_came_late_is_taken(
    fill: Fill, database: sa.Engine, registry: Registry
) -> None:
    archive = fill((1,))
    own = keeper(archive, database, registry)
    assert [own.step(), own.step()] == [1, 0]
    archive.close()
    archive = fill((2,))
    assert keeper(archive, database, registry).step() == 1
    assert len(kept(database, "B")) == 2
    archive.close()


def test_an_hour_that_is_not_over_waits(fill: Fill, database: sa.Engine, registry: Registry) -> None:
    archive = fill((1,))
    assert keeper(archive, database, registry, 2.1).step() == 0
    assert keeper(archive, database, registry, 2.2).step() == 1
    archive.close()


def test_a_silent_sensor_is_left_out_and_too_few_are_told(
    fill: Fill, database: sa.Engine, registry: Registry
) -> None:
    archive = fill((1,), silent=(3,))
    assert keeper(archive, database, registry).step() == 1
    assert kept(database, "B")[0].left_out == {"A3": "gaps"}
    assert seen[0].sensor_ids == ("A0", "A1", "A2")
    archive.close()
    archive = fill((2,), silent=(1, 2, 3))
    keeper(archive, database, registry).step()
    assert kept(database, "B")[1].problem == "gaps"
    archive.close()


def test_the_real_thing_runs_in_another_process_and_says_nothing(
    fill: Fill, database: sa.Engine, registry: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    archive = fill((1,))
    clock = ManualClock(START_US + 3 * HOUR_US)
    assert ModalKeeper(Settings(), archive, database, lambda: registry, clock, apart).step() == 1
    modes = kept(database, "B")[0].modes
    assert [mode.frequency_hz for mode in modes] == pytest.approx([2.3, 6.1, 11.8], rel=0.01)
    assert multiprocessing.active_children() == []
    assert capfd.readouterr() == ("", "")
    archive.close()


async def test_without_the_library_the_service_does_without(
    fill: Fill, database: sa.Engine, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepers, "installed", lambda: False)
    archive = fill(())
    await asyncio.wait_for(keeper(archive, database, registry).run(), 5)
    archive.close()
