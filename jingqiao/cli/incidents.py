"""`jingqiao incidents`: what people work on, and what they do with it. Works while the service runs."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click

from config.faults import FaultsError
from config.messages import Language, catalogue, text
from config.roster import load_roster
from config.settings import Settings
from jingqiao.cli.output import CHECK_FAILED, language, print_json, print_table
from jingqiao.cli.settings_option import (
    database_or_exit,
    group_settings_option,
    settings_option,
    settings_or_exit,
)
from jingqiao.clock import WallClock
from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError, act
from jingqiao.incidents.event import Announcer
from jingqiao.incidents.incident import LIVE, Action, Incident, State
from jingqiao.incidents.store import find, listed, transitions_of
from jingqiao.incidents.view import as_json, history_json
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.planner import Planner, QuietAnnouncer
from jingqiao.notify.text import place, severity_name
from jingqiao.notify.view import message_json

_RECENT_US = 7 * 24 * 3600 * 1_000_000

_json = click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
_by = click.option("--by", default=None, help="Who does it; your login name where not said.")
_why = click.option("--why", "--note", default="", help="Why, for the record.")
_id = click.argument("incident_id", type=int, metavar="ID")


@click.group()
@group_settings_option
def incidents() -> None:
    """List incidents and work on them."""


@incidents.command("list")
@settings_option
@_json
@click.option("--open", "only_live", is_flag=True, help="Only those in which people have work.")
@click.option("--all", "everything", is_flag=True, help="Also those that ended more than seven days ago.")
@click.option("--state", "state", type=click.Choice([s.value for s in State]), help="Only this state.")
def list_(settings_path: Path, as_json_: bool, only_live: bool, everything: bool, state: str | None) -> None:
    """Incidents, gravest first: live ones, and those that ended in the last seven days."""
    settings = settings_or_exit(settings_path)
    states = frozenset({State(state)}) if state else LIVE if only_live else None
    after = None if everything or state else WallClock().now() - _RECENT_US
    with reading(database_or_exit(settings)) as connection:
        found = listed(connection, states=states, finished_after=after)
    tongue = language()
    if as_json_:
        print_json([as_json(incident, tongue) for incident in found])
    elif not found:
        click.echo(text("incidents.none", tongue))
    else:
        _print_list(found, settings, tongue)


@incidents.command()
@settings_option
@_json
@_id
def show(settings_path: Path, as_json_: bool, incident_id: int) -> None:
    """One incident with its history, its messages and what became of them."""
    settings = settings_or_exit(settings_path)
    tongue = language()
    with reading(database_or_exit(settings)) as connection:
        incident = find(connection, incident_id)
        if incident is None:
            _unknown(incident_id)
        history = transitions_of(connection, incident_id)
        messages = [
            message_json(row, attempts_of(connection, row["id"]))
            for row in messages_of(connection, incident_id)
        ]
    if as_json_:
        print_json(as_json(incident, tongue) | {"history": history_json(history), "messages": messages})
        return
    _print_list([incident], settings, tongue)
    zone = ZoneInfo(settings.timezone)
    print_table(
        _columns(("at", "event", "state", "who", "why"), tongue),
        [
            (
                _local(row["at"], zone),
                _word(f"incidents.event.{row['event']}", row["event"], tongue),
                _state(State(row["to_state"]), tongue),
                row["who"],
                row["why"],
            )
            for row in history
        ],
    )
    print_table(
        _columns(("person", "channel", "outcome", "at", "why"), tongue),
        [
            (
                row["person"],
                attempt["channel"],
                _word(f"notify_command.{attempt['outcome']}", attempt["outcome"], tongue),
                f"{datetime.fromisoformat(attempt['started_at']).astimezone(zone):%Y-%m-%d %H:%M:%S}",
                attempt["detail"],
            )
            for row in messages
            for attempt in row["attempts"]
        ],
    )


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
def ack(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """Answer: you have it. Stops the escalation."""
    _act(settings_path, as_json_, Action.ACK, incident_id, by, why)


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
@click.argument("whom", required=False)
def assign(
    settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int, whom: str | None
) -> None:
    """Give it to WHOM (you, where not said)."""
    _act(settings_path, as_json_, Action.ASSIGN, incident_id, by, why, whom)


@incidents.command("on-site")
@settings_option
@_json
@_by
@_why
@_id
def on_site(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """Somebody is there."""
    _act(settings_path, as_json_, Action.ON_SITE, incident_id, by, why)


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
def resolve(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """Repaired or secured; to be checked and closed."""
    _act(settings_path, as_json_, Action.RESOLVE, incident_id, by, why)


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
def close(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """Checked and done."""
    _act(settings_path, as_json_, Action.CLOSE, incident_id, by, why)


@incidents.command("false-alarm")
@settings_option
@_json
@_by
@_why
@_id
def false_alarm(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """There was nothing: say why, it teaches the rules."""
    _act(settings_path, as_json_, Action.FALSE_ALARM, incident_id, by, why)


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
def reopen(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """Take up a finished one again; people are told anew."""
    _act(settings_path, as_json_, Action.REOPEN, incident_id, by, why)


@incidents.command()
@settings_option
@_json
@_by
@_id
@click.argument("words")
def comment(settings_path: Path, as_json_: bool, by: str | None, incident_id: int, words: str) -> None:
    """Add words to the record: what was seen, where the photo lies."""
    _act(settings_path, as_json_, Action.COMMENT, incident_id, by, words)


def _act(
    settings_path: Path,
    as_json_: bool,
    action: Action,
    incident_id: int,
    by: str | None,
    why: str,
    whom: str | None = None,
) -> None:
    settings = settings_or_exit(settings_path)
    tongue = language()
    try:
        incident = act(
            database_or_exit(settings),
            incident_id,
            action,
            who=by or getpass.getuser(),
            now=WallClock().now(),
            why=why,
            assignee=whom,
            announcer=_announcer(settings, tongue),
        )
    except UnknownIncidentError:
        _unknown(incident_id)
    except NotPossibleError as error:
        state = text(f"notify.state.{error.incident.state}", tongue)
        can = ", ".join(error.possible)
        _refuse(
            text("incidents.not_possible", tongue, id=incident_id, state=state, action=action, possible=can)
        )
    if as_json_:
        print_json(as_json(incident, tongue))
        return
    click.echo(text("incidents.done", tongue, id=incident.id, state=_state(incident.state, tongue)))
    if incident.state not in LIVE and incident.alarm_firing:
        click.echo(text("incidents.still_firing", tongue))


def _announcer(settings: Settings, tongue: Language) -> Announcer:
    """Who tells the others; a broken roster must not keep anybody from answering."""
    if settings.roster is None:
        return QuietAnnouncer()
    try:
        roster = load_roster(settings.roster)
    except FaultsError as error:
        click.echo(text("incidents.nobody_told", tongue, problem=error.faults[0]), err=True)
        return QuietAnnouncer()
    return Planner(lambda: roster)


def _print_list(found: list[Incident], settings: Settings, tongue: Language) -> None:
    zone = ZoneInfo(settings.timezone)
    rows: list[tuple[Any, ...]] = []
    for incident in found:
        value = "" if incident.value is None else f"{incident.value:.4g} {incident.unit}"
        rows.append(
            (
                incident.id,
                severity_name(incident.severity, tongue),
                text(f"notify.hazard.{incident.hazard}", tongue),
                place(incident, tongue),
                _state(incident.state, tongue),
                _local(incident.event_at, zone),
                value,
                incident.assignee or incident.acknowledged_by,
            )
        )
    names = ("id", "severity", "hazard", "place", "state", "since", "what", "who")
    print_table(_columns(names, tongue), rows)


def _columns(names: tuple[str, ...], tongue: Language) -> list[str]:
    return [text(f"incidents.column.{name}", tongue) for name in names]


def _state(state: State, tongue: Language) -> str:
    return text(f"notify.state.{state}", tongue)


def _word(key: str, plain: str | None, tongue: Language) -> str:
    return catalogue(tongue).get(key, plain or "")


def _local(at: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at / 1_000_000, zone):%Y-%m-%d %H:%M:%S}"


def _unknown(incident_id: int) -> NoReturn:
    _refuse(text("incidents.unknown", language(), id=incident_id))


def _refuse(problem: str) -> NoReturn:
    click.echo(problem, err=True)
    raise SystemExit(CHECK_FAILED)
