"""`jingqiao roster`: who is on duty now, at a time, over the week, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from config.messages import Language, text
from config.roster import Roster
from config.settings import Settings
from devices.registry import Kind
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.cli.roster_changes import COMMANDS
from jingqiao.cli.settings_option import (
    current_roster_or_exit,
    database_or_exit,
    group_settings_option,
    settings_option,
    settings_or_exit,
)
from jingqiao.clock import WallClock
from jingqiao.database import reading
from jingqiao.dossier.tables import asset
from jingqiao.incidents.view import rfc3339
from jingqiao.roster.duty import Duty, Source, people_for, pieces, team_duty, teams_for, who_is_on

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
@group_settings_option
def roster() -> None:
    """Who is on duty."""


for _command in COMMANDS:
    roster.add_command(_command)


@roster.command()
@settings_option
@_json
def now(settings_path: Path, as_json: bool) -> None:
    """Who is on duty now, each team. Exit code 1 when a team has nobody."""
    _show_at(_roster(settings_path), WallClock().now(), as_json)


@roster.command()
@settings_option
@_json
@click.argument("time")
def at(settings_path: Path, as_json: bool, time: str) -> None:
    """Who is on duty at TIME (RFC 3339, or local: 2026-10-01 03:00)."""
    book = _roster(settings_path)
    _show_at(book, _moment(time, book), as_json)


@roster.command()
@settings_option
@_json
@click.option("--from", "begin", default=None, help="First day; today where not said.")
def week(settings_path: Path, as_json: bool, begin: str | None) -> None:
    """Seven days of every team, shift by shift. Exit code 1 when there is a time with nobody."""
    book = _roster(settings_path)
    start = _moment(begin, book) if begin else WallClock().now()
    day = datetime.fromtimestamp(start / 1_000_000, book.zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    first = round(day.timestamp() * 1_000_000)
    last = round((day + timedelta(days=7)).timestamp() * 1_000_000)
    rows = [row for team in book.teams for row in pieces(book, team, first, last)]
    tongue = language()
    if as_json:
        print_json([_duty_json(book, duty, begins) for begins, duty in rows])
    else:
        print_table(
            _columns(("team", "from", "until", "people", "deputy", "leader", "because"), tongue),
            [
                (
                    duty.teams[0],
                    _local(begins, book),
                    _local(duty.until, book),
                    _people(book, duty, tongue),
                    _name(book, duty.deputy),
                    _name(book, duty.leader),
                    text(f"roster.because.{duty.because}", tongue) + (f" {duty.note}" if duty.note else ""),
                )
                for begins, duty in rows
            ],
        )
    if any(not duty.people for _, duty in rows):
        raise SystemExit(CHECK_FAILED)


@roster.command()
@settings_option
@_json
@click.option("--at", "time", default=None, help="When; now where not said.")
@click.option("--district", default="", help="District as in the registry.")
@click.option("--kind", type=click.Choice(["cover", "bridge"]), default=None, help="Kind of asset.")
@click.option("--asset", "asset_id", default="", help="An asset of the registry: its district and kind.")
@click.option("--severity", type=click.Choice(["red", "orange", "yellow", "blue"]), default="red")
def why(
    settings_path: Path,
    as_json: bool,
    time: str | None,
    district: str,
    kind: str | None,
    asset_id: str,
    severity: str,
) -> None:
    """Who would be told of something, in which order, and by which rule."""
    settings = settings_or_exit(settings_path)
    book = current_roster_or_exit(settings, text("roster.no_roster", language()))
    moment = _moment(time, book) if time else WallClock().now()
    if asset_id:
        own_district, own_kind = _known_asset(settings, asset_id)
        district, kind = district or own_district, kind or own_kind
    teams = teams_for(book, district, kind or "", asset_id)
    duty = who_is_on(book, moment, district, kind or "", asset_id)
    steps = [
        {"after_min": step.after_min, "people": people_for(duty, step.who)}
        for step in book.policy(severity).steps
    ]
    if as_json:
        print_json(_duty_json(book, duty, moment) | {"steps": steps})
        return
    tongue = language()
    click.echo(text("roster.why.teams", tongue, teams=", ".join(team.id for team in teams)))
    for team in teams:
        own = team_duty(book, team, moment)
        click.echo(
            text(
                f"roster.why.{own.because}",
                tongue,
                team=team.id,
                people=", ".join(_name(book, p) for p in own.people),
                until=_local(own.until, book),
                note=own.note,
                fallback=_name(book, own.fallback),
            )
        )
        for source in own.sources:
            click.echo(_because(book, source, tongue))
    for step in book.policy(severity).steps:
        people = ", ".join(_name(book, p) for p in people_for(duty, step.who))
        colour = text(f"notify.severity.{severity}", tongue)
        click.echo(
            text("roster.why.step", tongue, severity=colour, minutes=f"{step.after_min:g}", people=people)
        )


def _known_asset(settings: Settings, asset_id: str) -> tuple[str, str]:
    """District and kind of an asset, as the service would see them; of an unknown one nothing, said aloud."""
    with reading(database_or_exit(settings)) as connection:
        row = connection.execute(
            sa.select(asset.c.district, asset.c.kind).where(asset.c.asset_id == asset_id)
        ).one_or_none()
    if row is None:
        click.echo(text("roster.unknown_asset", language(), asset=asset_id), err=True)
        return "", ""
    return row.district or "", Kind(row.kind).name.lower()


def _show_at(book: Roster, moment: int, as_json: bool) -> None:
    duties = [team_duty(book, team, moment) for team in book.teams]
    tongue = language()
    if as_json:
        print_json([_duty_json(book, duty, moment) for duty in duties])
    else:
        print_table(
            _columns(("team", "people", "deputy", "leader", "until", "because"), tongue),
            [
                (
                    duty.teams[0],
                    _people(book, duty, tongue),
                    _name(book, duty.deputy),
                    _name(book, duty.leader),
                    _local(duty.until, book),
                    text(f"roster.because.{duty.because}", tongue) + (f" {duty.note}" if duty.note else ""),
                )
                for duty in duties
            ],
        )
    if any(not duty.people for duty in duties):
        raise SystemExit(CHECK_FAILED)


def _roster(settings_path: Path) -> Roster:
    return current_roster_or_exit(settings_or_exit(settings_path), text("roster.no_roster", language()))


def _moment(time: str, book: Roster) -> int:
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        click.echo(text("roster.bad_time", language(), time=time), err=True)
        raise SystemExit(WRONG_USE) from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=book.zone)
    return round(zoned.timestamp() * 1_000_000)


def _duty_json(book: Roster, duty: Duty, begins: int) -> dict[str, Any]:
    return {
        "team": duty.teams[0],
        "teams": list(duty.teams),
        "at": rfc3339(begins),
        "people": [{"id": person, "name": book.people[person].name} for person in duty.people],
        "deputy": duty.deputy,
        "leader": duty.leader,
        "fallback": duty.fallback,
        "because": duty.because,
        "note": duty.note,
        "until": rfc3339(duty.until),
        "sources": [
            {
                "team": source.team,
                "person": source.person,
                "kind": source.kind,
                "shift": source.shift or None,
                "layer": source.layer,
                "turn": source.turn,
                "instead_of": source.of or None,
                "note": source.note,
                "by": source.who or None,
                "override": source.override,
            }
            for source in duty.sources
        ],
    }


def _because(book: Roster, source: Source, tongue: Language) -> str:
    return text(
        f"roster.source.{source.kind}",
        tongue,
        person=_name(book, source.person),
        shift=source.shift,
        layer=source.layer,
        turn=source.turn or 0,
        of=_name(book, source.of) if source.of in book.people else "",
        note=source.note,
        who=source.who or text("roster.source.file", tongue),
    )


def _people(book: Roster, duty: Duty, tongue: Language) -> str:
    if not duty.people:
        return text("roster.nobody", tongue, fallback=_name(book, duty.fallback))
    return ", ".join(_name(book, person) for person in duty.people)


def _name(book: Roster, person: str | None) -> str:
    return book.people[person].name if person is not None else ""


def _local(moment: int, book: Roster) -> str:
    then = datetime.fromtimestamp(moment / 1_000_000, book.zone)
    return f"{text(f'console.weekday.{then.weekday()}', language())} {then:%m-%d %H:%M}"


def _columns(names: Sequence[str], tongue: Language) -> list[str]:
    return [text(f"roster.column.{name}", tongue) for name in names]
