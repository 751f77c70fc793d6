"""`jingqiao check` and `jingqiao doctor`, as somebody sees them who has just written the files."""

import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jingqiao.cli import COMMANDS, main


@pytest.fixture
def office(tmp_path: Path) -> Path:
    with as_file(files("config").joinpath("examples", "ezhou")) as city:
        shutil.copytree(city, tmp_path / "ezhou")
    return tmp_path / "ezhou"


def run(*arguments: str, language: str = "en") -> Result:
    return CliRunner(env={"JINGQIAO_LANGUAGE": language}).invoke(main, list(arguments))


def test_the_example_city_is_in_order(office: Path) -> None:
    result = run("check", "-c", str(office / "jingqiao.toml"))
    assert (result.exit_code, result.stdout.startswith("all in order: ")) == (0, True)


def test_every_fault_of_every_file_comes_at_once_with_line_and_remedy(office: Path) -> None:
    lines = (office / "sensors.csv").read_text("utf-8").splitlines()
    lines[2] = lines[2].replace("em320-tilt", "em320-tlit")
    (office / "sensors.csv").write_text("\n".join(lines) + "\n", "utf-8")
    roster = (office / "roster.toml").read_text("utf-8").replace('people = ["chen"]', 'people = ["nobody"]')
    (office / "roster.toml").write_text(roster, "utf-8")
    (office / "rules.toml").write_text("[lid]\nopen_limitt = 3\n", "utf-8")
    result = run("check", "-c", str(office / "jingqiao.toml"), "--json")
    assert result.exit_code == 1
    faults = json.loads(result.stdout)["faults"]
    places = {(Path(fault["file"]).name, fault["line"]) for fault in faults}
    assert {name for name, _ in places} == {"sensors.csv", "roster.toml", "rules.toml"}
    assert ("sensors.csv", 3) in places
    assert ("rules.toml", 2) in places
    assert all(fault["remedy"] or fault["problem"] for fault in faults)


def test_an_override_that_holds_nowhere_and_one_that_says_nothing_known_are_faults(office: Path) -> None:
    rules = office / "rules.toml"
    settings = str(office / "jingqiao.toml")
    rules.write_text('[[override]]\nwhere = { road = "Nowhere" }\nset = { "lid.flood_mm" = 200 }\n', "utf-8")
    lost = run("check", "-c", settings)
    assert lost.exit_code == 1
    assert "override.0.where: no asset of the registry has road = Nowhere" in lost.stderr
    rules.write_text('[[override]]\nwhere = { road = "Nowhere" }\nset = { "lid.flod_mm" = 200 }\n', "utf-8")
    odd = run("check", "-c", settings)
    assert "override.0.set.lid.flod_mm: unknown key" in odd.stderr
    assert "override.0.set.lid.flod_mm: unknown key" in run("rules", "diff", str(rules), str(rules)).stderr


def test_a_channel_by_which_nothing_can_be_sent_is_a_fault_that_tells_no_key(office: Path) -> None:
    roster = (office / "roster.toml").read_text("utf-8")
    roster = roster.replace("json://127.0.0.1:8099/zhang", "jsn://SECRET")
    roster = roster.replace("json://127.0.0.1:8099/li", "alisms://SECRET:SECRET@SMS_1/138")
    (office / "roster.toml").write_text(roster, "utf-8")
    result = run("check", "-c", str(office / "jingqiao.toml"))
    assert result.exit_code == 1
    told = [line for line in result.stderr.splitlines() if "channels" in line]
    assert ["people.zhang.channels.0" in told[0], "people.li.channels.0" in told[1]] == [True, True]
    assert "lacks sign" in told[1]
    assert "SECRET" not in result.stderr


def test_a_database_that_cannot_be_opened_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, no folder")
    (tmp_path / "jingqiao.toml").write_text("")
    for command in (["incidents", "list"], ["assets", "list"], ["notify", "list"]):
        result = run(*command, "-c", str(tmp_path / "jingqiao.toml"))
        assert result.exit_code == 2
        assert "jingqiao doctor" in result.stderr


def test_roster_why_knows_an_assets_own_district_and_kind(office: Path) -> None:
    settings = str(office / "jingqiao.toml")
    files = [str(office / name) for name in ("assets.csv", "sensors.csv")]
    assert run("import", *files, "-c", settings).exit_code == 0
    result = run("roster", "why", "--asset", "4207040101000003", "-c", settings, "--json")
    assert json.loads(result.stdout)["teams"] == ["echeng-covers"]
    stranger = run("roster", "why", "--asset", "4201000101000003", "-c", settings)
    assert (stranger.exit_code, "not in the registry" in stranger.stderr) == (0, True)


def test_a_settings_file_with_a_mistake_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "jingqiao.toml").write_text('langage = "en"\n', "utf-8")
    result = run("check", "-c", str(tmp_path / "jingqiao.toml"))
    assert result.exit_code == 1
    assert "jingqiao.toml:1: langage: unknown key → did you mean language?" in result.stderr


def test_doctor_names_what_is_wrong_and_a_fix_for_each(office: Path) -> None:
    settings = (office / "jingqiao.toml").read_text("utf-8").replace("127.0.0.1:1883", "127.0.0.1:1")
    (office / "jingqiao.toml").write_text(settings.replace("port = 8080", "port = 1"), "utf-8")
    result = run("doctor", "-c", str(office / "jingqiao.toml"), "--json")
    findings = {f["check"]: f for f in json.loads(result.stdout)}
    assert result.exit_code == 1
    findings.pop("calendar", None)  # comes and goes with the year that the tests run in
    assert {name: f["level"] for name, f in findings.items()} == {
        "python": "PASS",
        "names": "PASS",
        "settings": "PASS",
        "disk": "PASS",
        "log": "WARN",
        "broker": "FAIL",
        "database": "PASS",
        "archive": "PASS",
        "roster": "PASS",
        "service": "WARN",
    }
    assert all(f["fix"] for f in findings.values() if f["level"] != "PASS")


def test_every_command_has_a_help_that_says_what_it_is_for() -> None:
    for name in COMMANDS:
        result = run(name, "--help")
        assert result.exit_code == 0, (name, result.output)
        assert len(result.output.splitlines()[2].strip()) > 10, name
