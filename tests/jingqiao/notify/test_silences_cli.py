"""`jingqiao silences`: begun, listed with what it muted, and ended."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jingqiao.cli import main
from jingqiao.database import writing
from jingqiao.notify.silences import silences
from rules.alarm import Hazard, Severity
from tests.support.response import LID, ROSTER, Office, change


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "jingqiao.toml").write_text(f'database = "sqlite:///{tmp_path}/jingqiao.db"\n', "utf-8")
    return tmp_path / "jingqiao.toml"


def say(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["silences", *words, "-c", str(settings)])


def test_a_silence_is_begun_listed_and_ended(settings: Path) -> None:
    added = say(settings, "add", "--asset", LID, "--to", "+2h", "--why", "road works", "--json")
    assert added.exit_code == 0, added.output
    (row,) = json.loads(say(settings, "list", "--json").stdout)
    assert (row["asset_id"], row["why"], row["muted"]) == (LID, "road works", 0)
    assert say(settings, "end", str(row["id"])).exit_code == 0
    assert json.loads(say(settings, "list", "--json").stdout) == []
    assert len(json.loads(say(settings, "list", "--all", "--json").stdout)) == 1
    assert say(settings, "end", str(row["id"])).exit_code == 1


def test_a_silence_of_everything_is_wrong_use(settings: Path) -> None:
    assert say(settings, "add", "--to", "+2h").exit_code == 2


def test_a_silence_of_an_asset_that_is_not_there_is_refused(settings: Path, tmp_path: Path) -> None:
    """A slip of the pen would else mute nothing, and everybody would think it did."""
    (tmp_path / "assets.csv").write_text(f"asset_id,kind\n{LID},cover\n", "utf-8")
    imported = CliRunner().invoke(main, ["import", str(tmp_path / "assets.csv"), "-c", str(settings)])
    assert imported.exit_code == 0, imported.output
    refused = say(settings, "add", "--asset", LID + "9", "--to", "+2h")
    assert (refused.exit_code, LID + "9" in refused.stderr) == (1, True)
    assert say(settings, "add", "--asset", LID, "--to", "+2h").exit_code == 0


def test_a_time_that_is_too_far_away_is_wrong_use(settings: Path) -> None:
    assert say(settings, "add", "--asset", LID, "--to", "+99999999999d").exit_code == 2


async def test_notify_list_says_why_a_message_is_held(settings: Path, tmp_path: Path) -> None:
    assert say(settings, "add", "--asset", LID, "--to", "2035-01-01T00:00:00+08:00").exit_code == 0
    office = Office(tmp_path, ROSTER)
    with writing(office.database) as connection:
        (muting,) = silences(connection)
    office.clock._now = muting.from_at + 1
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    office.close()
    listed = CliRunner().invoke(main, ["notify", "list", "-c", str(settings), "--json"])
    (row,) = json.loads(listed.stdout)
    assert (row["state"], row["held"], row["held_until"]) == ("held", "silence:1", "2034-12-31T16:00:00.000Z")
    (silence,) = json.loads(say(settings, "list", "--json").stdout)
    assert silence["muted"] == 1
