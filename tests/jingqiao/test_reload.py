"""Files that change while the service runs: good ones are taken, faulty ones are not, and it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.roster import Roster
from config.rules import RuleSet
from config.settings import Settings, load_settings
from devices.registry import Registry
from jingqiao.clock import ManualClock
from jingqiao.reload import Reload

REGISTRY = Registry.of([{"asset_id": "A", "kind": "cover"}], [{"sensor_id": "s", "asset_id": "A"}])
ROSTER = """
fallback = "{name}"
[people.{name}]
name = "值班"
channels = ["json://localhost/x"]
[[teams]]
id = "covers"
[[teams.shifts]]
people = ["{name}"]
"""


class Desk:
    """A folder with settings, and what the reloader handed over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("jingqiao.toml", 'rules = "rules.toml"\nroster = "roster.toml"\n')
        self.write("rules.toml", "")
        self.write("roster.toml", ROSTER.format(name="zhang"))
        self.rules: list[RuleSet] = []
        self.rosters: list[Roster] = []
        self.reload = self.of(load_settings(folder / "jingqiao.toml"))

    def of(self, settings: Settings) -> Reload:
        return Reload(settings, lambda: REGISTRY, self.rules.append, self.rosters.append, ManualClock(0))

    def write(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content, "utf-8")

    async def settle(self) -> list[dict[str, Any]]:
        """Two looks: the first sees the change, the second that it is at rest."""
        with capture_logs() as said:
            await self.reload.step()
            await self.reload.step()
        return [dict(line) for line in said]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_file_that_stays_as_it_was_is_left_alone(desk: Desk) -> None:
    assert await desk.settle() == []
    assert (desk.rules, desk.rosters) == ([], [])


async def test_changed_rules_are_taken_once(desk: Desk) -> None:
    desk.write("rules.toml", "[lid]\nopen_deg = 61\n")
    said = await desk.settle()
    await desk.settle()
    assert [rules.lid.open_deg for rules in desk.rules] == [61]
    assert said[0]["version"] == desk.rules[0].version()
    assert desk.rosters == []


async def test_a_file_that_is_still_being_written_is_waited_for(desk: Desk) -> None:
    desk.write("rules.toml", "[lid]\nopen_deg = 6")
    await desk.reload.step()
    desk.write("rules.toml", "[lid]\nopen_deg = 61\n")
    await desk.reload.step()
    assert desk.rules == []
    await desk.reload.step()
    assert [rules.lid.open_deg for rules in desk.rules] == [61]


@pytest.mark.parametrize(
    "faulty",
    [
        "[lid]\nopen_deg = -1\nno_such = 2\n",
        "not toml",
        '[[override]]\nwhere = {kind = "bridge"}\nset = {"lid.no_such" = 1}\n',
        '[[override]]\nwhere = {kind = "cover"}\nset = {"lid.tilt_defect_deg" = 1}\n',
    ],
)
async def test_a_faulty_file_changes_nothing_and_is_said_once(desk: Desk, faulty: str) -> None:
    desk.write("rules.toml", faulty)
    said = await desk.settle()
    assert await desk.settle() == []
    assert desk.rules == []
    assert [line["log_level"] for line in said] == ["error"]
    assert list(desk.reload.faulty) == [desk.folder / "rules.toml"]
    assert said[0]["faults"]
    desk.write("rules.toml", "[lid]\nopen_deg = 61\n")
    await desk.settle()
    assert len(desk.rules) == 1
    assert desk.reload.faulty == {}


async def test_every_fault_is_named(desk: Desk) -> None:
    desk.write("rules.toml", "[lid]\nopen_deg = -1\nno_such = 2\n")
    [line] = await desk.settle()
    assert ["open_deg" in fault or "no_such" in fault for fault in line["faults"]] == [True, True]


async def test_a_file_that_is_gone_changes_nothing(desk: Desk) -> None:
    (desk.folder / "rules.toml").unlink()
    [line] = await desk.settle()
    assert line["log_level"] == "error"
    assert desk.rules == []


async def test_a_changed_roster_is_taken_and_one_with_a_gap_is_not(desk: Desk) -> None:
    desk.write("roster.toml", ROSTER.format(name="li"))
    await desk.settle()
    desk.write("roster.toml", ROSTER.format(name="wang") + 'days = ["mon"]\n')
    [line] = await desk.settle()
    assert [roster.fallback for roster in desk.rosters] == ["li"]
    assert "nobody" in line["faults"][0]


async def test_asked_for_every_file_is_read_at_once(desk: Desk) -> None:
    desk.reload.ask()
    await desk.reload.step()
    assert (len(desk.rules), len(desk.rosters)) == (1, 1)


async def test_without_files_there_is_nothing_to_watch(desk: Desk, tmp_path: Path) -> None:
    desk.write("bare.toml", "")
    reload = desk.of(load_settings(tmp_path / "bare.toml"))
    reload.ask()
    await reload.step()
    assert (desk.rules, desk.rosters) == ([], [])
