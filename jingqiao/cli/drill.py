"""`jingqiao drill`: a drill through the whole chain, and the report of who got what when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import click

from config.messages import catalogue, text
from config.settings import Settings
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.dossier_options import city_option, database_of, json_option, now, who_option
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.cli.settings_option import current_roster_or_exit
from jingqiao.database import reading
from jingqiao.drills.drill import (
    Drill,
    DrillError,
    drills,
    end_drill,
    find_drill,
    running_drill,
    start_drill,
)
from jingqiao.drills.report import drill_report
from jingqiao.drills.target import TargetError, asset_target, team_target
from jingqiao.incidents.view import rfc3339
from jingqiao.notify.planner import Planner
from rules.alarm import HAZARDS, Hazard, Severity


@click.group()
def group() -> None:
    """Drills: made-up incidents that go the whole way, marked 演练, and into no statistics."""


@group.command()
@click.argument("target", required=False)
@click.option("--team", default=None, help="Drill this team instead of an asset.")
@click.option("--hazard", type=click.Choice([h.value for h in HAZARDS]), default="missing", show_default=True)
@click.option("--severity", type=click.Choice(["red", "orange", "yellow", "blue"]), default="red")
@click.option(
    "--for", "minutes", type=click.FloatRange(1, 1440), default=60, show_default=True, help="Minutes."
)
@click.option("--why", default="", help="For the report.")
@click.option("--beside-real", is_flag=True, help="Also while a real incident is open there.")
@who_option
@json_option
@city_option
def start(
    target: str | None,
    team: str | None,
    hazard: str,
    severity: str,
    minutes: float,
    why: str,
    beside_real: bool,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Begin a drill at TARGET: an asset's number or the end of it, or words of its name or road."""
    if (target is None) == (team is None):
        _refuse("one_target", {}, WRONG_USE)
    roster = current_roster_or_exit(settings, text("roster.no_roster", language()))
    database = database_of(settings)
    try:
        with reading(database) as connection:
            place = team_target(roster, team) if team else asset_target(connection, target or "")
        begun = start_drill(
            database,
            place,
            who=who,
            why=why,
            now=now(),
            lasts_us=round(minutes * 60_000_000),
            announcer=Planner(lambda: roster),
            hazard=Hazard(hazard),
            severity=Severity[severity.upper()],
            beside_real=beside_real,
        )
    except TargetError as error:
        _refuse(error.key, error.values, WRONG_USE)
    except DrillError as error:
        _refuse(error.key, error.values, CHECK_FAILED)
    if as_json:
        print_json(_json(begun))
    else:
        click.echo(text("drill.started", language(), id=begun.id, incident=begun.incident_id))


@group.command()
@click.argument("number", type=int, required=False)
@who_option
@city_option
def end(number: int | None, who: str, settings: Settings) -> None:
    """End drill NUMBER, or the one that runs; whoever heard of it hears that it is over."""
    roster = current_roster_or_exit(settings, text("roster.no_roster", language()))
    database = database_of(settings)
    if number is None:
        with reading(database) as connection:
            running = running_drill(connection)
        if running is None:
            _refuse("none_runs", {}, CHECK_FAILED)
        number = running.id
    try:
        end_drill(database, number, who=who, now=now(), announcer=Planner(lambda: roster))
    except DrillError as error:
        _refuse(error.key, error.values, CHECK_FAILED)
    click.echo(text("drill.ended", language(), id=number))


@group.command("list")
@json_option
@city_option
def list_(as_json: bool, settings: Settings) -> None:
    """All drills, newest first."""
    with reading(database_of(settings)) as connection:
        found = drills(connection)
    if as_json:
        print_json([_json(drill) for drill in found])
        return
    print_table(
        _columns("id", "incident", "from", "until", "ended", "who", "why"),
        [
            (
                drill.id,
                drill.incident_id,
                _local(rfc3339(drill.started_at), settings),
                _local(rfc3339(drill.until_at), settings),
                _local(rfc3339(drill.ended_at), settings),
                drill.who,
                drill.why,
            )
            for drill in found
        ],
    )


@group.command()
@click.argument("number", type=int)
@json_option
@city_option
def report(number: int, as_json: bool, settings: Settings) -> None:
    """Who got what when in drill NUMBER, who answered, and how far it climbed."""
    roster = current_roster_or_exit(settings, text("roster.no_roster", language()))
    with reading(database_of(settings)) as connection:
        found = find_drill(connection, number)
        if found is None:
            _refuse("unknown_drill", {"id": number}, CHECK_FAILED)
        told = drill_report(connection, found, roster)
    if as_json:
        print_json(told)
        return
    tongue = language()
    first = told["first_answer_after_s"]
    click.echo(
        text(
            "drill.summary",
            tongue,
            id=number,
            asked=told["asked"],
            reached=told["reached"],
            first=text("drill.nobody", tongue) if first is None else f"{first:.0f} s",
        )
    )
    print_table(
        _columns("after", "name", "kind", "channel", "state", "sent", "delivered"),
        [
            (
                f"{message['after_s']:.0f} s",
                message["name"],
                catalogue(tongue).get(f"drill.kind.{message['kind']}", message["kind"]),
                ", ".join(_tried(a, catalogue(tongue)) for a in message["attempts"]),
                text(f"notify_command.state.{message['state']}", tongue),
                _local(message["sent_at"], settings),
                _local(message["delivered_at"], settings),
            )
            for message in told["messages"]
        ],
    )
    for row in (*told["answers"], *told["escalations"]):
        event = catalogue(tongue).get(f"incidents.event.{row['event']}", row["event"])
        click.echo(f"{row['after_s']:.0f} s  {event}  {row['name']}  {row['why']}".rstrip())


def _tried(attempt: Mapping[str, Any], words: Mapping[str, str]) -> str:
    outcome = attempt["outcome"] or "unknown"
    return f"{attempt['channel']}: {words.get(f'notify_command.{outcome}', outcome)}"


def _json(drill: Drill) -> dict[str, Any]:
    return {
        "id": drill.id,
        "incident_id": drill.incident_id,
        "by": drill.who,
        "why": drill.why,
        "started_at": rfc3339(drill.started_at),
        "until": rfc3339(drill.until_at),
        "ended_at": rfc3339(drill.ended_at),
        "ended_by": drill.ended_by,
    }


def _local(moment: str | None, settings: Settings) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where a time is printed

    return "" if moment is None else local(moment, ZoneInfo(settings.timezone))


def _columns(*names: str) -> list[str]:
    return [text(f"drill.column.{name}", language()) for name in names]


def _refuse(key: str, values: Mapping[str, object], code: int) -> NoReturn:
    click.echo(text(f"drill.refused.{key}", language(), **values), err=True)
    raise SystemExit(code)
