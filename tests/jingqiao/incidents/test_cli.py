"""The commands `incidents` and `roster` as people and programs use them, while another process writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from config.messages import catalogue
from jingqiao.cli import main
from jingqiao.clock import WallClock
from jingqiao.incidents.event import Event
from tests.support.response import ROSTER, Office, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "jingqiao.toml").write_text('data_dir = "."\nroster = "roster.toml"\n')
    opened = Office(tmp_path, url=f"sqlite:///{tmp_path}/jingqiao.sqlite")
    yield opened
    opened.close()


def run(office: Office, *arguments: str, environment: dict[str, str] | None = None) -> Result:
    folder = Path(str(office.database.url.database)).parent
    return CliRunner(env=environment or {}).invoke(
        main, [*arguments[:2], "-c", str(folder / "jingqiao.toml"), *arguments[2:]]
    )


def listed(office: Office) -> Any:
    return json.loads(run(office, "incidents", "list", "--json").stdout)


async def test_the_list_is_the_public_one(office: Office) -> None:
    await office.engine_says(change())
    (incident,) = listed(office)
    assert {key: incident[key] for key in list(incident)[:12]} == {
        "id": 1,
        "asset_id": "4207040105000001",
        "hazard": "missing",
        "severity": "red",
        "state": "open",
        "opened_at": "2026-09-22T19:00:00.000Z",
        "event_at": "2026-09-22T19:00:00.000Z",
        "value": 92.0,
        "limit": 60.0,
        "unit": "deg",
        "reason": "井盖缺失",
        "acknowledged_by": None,
    }


async def test_an_answer_from_the_command_line_stops_the_escalation_of_the_service(office: Office) -> None:
    await office.engine_says(change())
    done = run(office, "incidents", "ack", "1", "--by", "李四")
    assert (done.exit_code, done.stdout) == (0, "事件 1：已接警\n")
    office.phones.got.clear()
    office.clock._now = WallClock().now()  # the command's informing message is due by the wall's time
    await office.dispatcher.tick(office.clock.now())
    assert [(to, body.splitlines()[1]) for _, to, _, body in office.phones.got] == [("张三", "李四 已接警")]
    assert [(i["state"], i["acknowledged_by"]) for i in listed(office)] == [("acknowledged", "李四")]


async def test_an_unknown_incident_and_a_wrong_step_are_named(office: Office) -> None:
    await office.engine_says(change())
    unknown = run(office, "incidents", "ack", "7")
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "没有编号为 7 的事件；用 jingqiao incidents list 查看\n",
    )
    run(office, "incidents", "close", "1")
    wrong = run(office, "incidents", "resolve", "1", environment={"JINGQIAO_LANGUAGE": "en"})
    assert (wrong.exit_code, wrong.stderr) == (
        1,
        "incident 1 is closed: resolve is not possible; possible: reopen, comment\n",
    )


async def test_show_tells_the_whole_story(office: Office) -> None:
    await office.engine_says(change())
    run(office, "incidents", "assign", "1", "li", "--by", "zhang", "--why", "顺路")
    shown = json.loads(run(office, "incidents", "show", "1", "--json").stdout)
    assert [(h["event"], h["who"], h["why"]) for h in shown["history"]] == [
        ("opened", "jingqiao", ""),
        ("assigned", "zhang", "顺路"),
    ]
    assert [(m["person"], m["kind"], m["state"]) for m in shown["messages"]] == [
        ("zhang", "step", "sent"),
        ("li", "assigned", "pending"),
    ]
    assert shown["messages"][0]["attempts"][0]["outcome"] == "sent"
    assert run(office, "incidents", "show", "1").exit_code == 0


async def test_a_broken_roster_keeps_nobody_from_answering(office: Office, tmp_path: Path) -> None:
    await office.engine_says(change())
    (tmp_path / "roster.toml").write_text(ROSTER + "\nnonsense = 1\n")
    done = run(office, "incidents", "ack", "1")
    assert done.exit_code == 0
    assert "花名册读不了" in done.stderr


async def test_the_roster_now_names_everybody_and_nobody(office: Office, tmp_path: Path) -> None:
    now = run(office, "roster", "now", "--json")
    assert (now.exit_code, [(d["team"], d["people"]) for d in json.loads(now.stdout)]) == (
        0,
        [("lids", [{"id": "zhang", "name": "张三"}]), ("bridge", [{"id": "li", "name": "李四"}])],
    )
    assert run(office, "roster", "week").exit_code == 0
    at = run(office, "roster", "at", "half past nine")
    assert (at.exit_code, at.stderr[:4]) == (2, "看不懂时")
    why = json.loads(run(office, "roster", "why", "--json", "--kind", "cover").stdout)
    assert why["steps"] == [
        {"after_min": 0, "people": ["zhang"]},
        {"after_min": 5, "people": ["li"]},
        {"after_min": 10, "people": ["wang"]},
    ]


def test_the_example_roster_is_without_faults() -> None:
    from config.roster import load_roster

    assert "zhang" in load_roster(Path("config/examples/ezhou/roster.toml"), {}).people


async def test_the_settings_may_stand_before_or_behind_the_command(office: Office, tmp_path: Path) -> None:
    await office.engine_says(change())
    config = ["-c", str(tmp_path / "jingqiao.toml")]
    before = CliRunner().invoke(main, ["incidents", *config, "list", "--json"])
    behind = CliRunner().invoke(main, ["incidents", "list", "--json", *config])
    assert (before.exit_code, len(json.loads(before.stdout))) == (0, 1)
    assert before.stdout == behind.stdout


def test_every_event_has_a_word_in_both_languages() -> None:
    for language in ("zh", "en"):
        assert {event.value for event in Event} == {
            key.rpartition(".")[2] for key in catalogue(language) if key.startswith("incidents.event.")
        }


async def test_deadlines_stand_in_the_list_and_what_is_late_has_a_list_of_its_own(office: Office) -> None:
    await office.engine_says(change())
    (incident,) = listed(office)
    assert (incident["deadlines"], incident["overdue"]) == ([], False)  # this roster sets none
    (Path(str(office.database.url.database)).parent / "roster.toml").write_text(
        ROSTER.replace("limits = [{ within = 0 }]\n", ""), "utf-8"
    )
    (incident,) = listed(office)
    assert [(d["stage"], d["due_at"], d["within"], d["clock"]) for d in incident["deadlines"]] == [
        ("on_site", "2026-09-22T19:30:00.000Z", 0.5, "emergency_hours"),
        ("repaired", "2026-09-23T01:00:00.000Z", 6.0, "emergency_hours"),
    ]
    late = json.loads(run(office, "incidents", "list", "--overdue", "--json").stdout)
    assert [i["overdue"] for i in late] == [True]  # by the wall's clock that night is long over
    run(office, "incidents", "on-site", "1")
    run(office, "incidents", "resolve", "1")
    assert json.loads(run(office, "incidents", "list", "--overdue", "--json").stdout) == []
    assert "超时" in run(office, "incidents", "show", "1").stdout


async def test_photos_severity_merging_and_splitting_by_command(office: Office) -> None:
    await office.engine_says(change(), change(asset_id="4207040105000002"))
    assert run(office, "incidents", "photo", "1", "DSC_0041.jpg", "--why", "修复前").exit_code == 0
    silent = run(office, "incidents", "severity", "1", "blue")
    assert (silent.exit_code, "--why" in silent.stderr) == (2, True)
    lowered = run(office, "incidents", "severity", "1", "blue", "--why", "已围挡", "--by", "li")
    assert lowered.stdout == "事件 1：等级 红色 → 蓝色\n"
    again = run(office, "incidents", "severity", "1", "blue", "--why", "已围挡")
    assert (again.exit_code, again.stderr) == (1, "事件 1 已经是蓝色\n")
    merged = run(office, "incidents", "merge", "1", "2", "--why", "同一伙人")
    assert (merged.exit_code, merged.stdout) == (0, "区域事件 3：共 2 起\n")
    (area,) = json.loads(run(office, "incidents", "list", "--areas", "--json").stdout)
    assert (area["id"], area["members"]) == (3, [2, 1])
    assert [i["area_incident_id"] for i in listed(office)] == [3, 3]
    wide = {"COLUMNS": "200"}
    assert "同一区域 2 起" in run(office, "incidents", "list", environment=wide).stdout
    assert run(office, "incidents", "split", "1").stdout == "事件 1 已移出区域事件 3\n"
    alone = run(office, "incidents", "split", "1")
    assert (alone.exit_code, alone.stderr) == (1, "事件 1 不在任何区域事件中\n")
    few = run(office, "incidents", "merge", "1")
    assert (few.exit_code, few.stderr) == (1, "不能合并：至少要两起事件\n")
    shown = json.loads(run(office, "incidents", "show", "1", "--json").stdout)
    assert [(h["event"], h["photo"], h["why"]) for h in shown["history"]][1:] == [
        ("photo", "DSC_0041.jpg", "修复前"),
        ("lowered", None, "已围挡"),
        ("merged", None, "#3 同一伙人"),
        ("split", None, "#3"),
    ]


async def test_an_answer_that_is_not_enough_says_that_others_are_still_asked(
    office: Office, tmp_path: Path
) -> None:
    (tmp_path / "roster.toml").write_text(
        ROSTER.replace("repeat_min = 10", "answers = 2\nrepeat_min = 10"), "utf-8"
    )
    await office.engine_says(change())
    first = run(office, "incidents", "ack", "1", "--by", "zhang").stdout
    second = run(office, "incidents", "ack", "1", "--by", "li").stdout
    assert ("仍在通知其他人" in first, "仍在通知其他人" in second) == (True, False)
