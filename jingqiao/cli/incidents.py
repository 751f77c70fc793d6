"""`jingqiao incidents`: what people work on, and what they do with it. Works while the service runs."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click

from config.faults import FaultsError
from config.messages import Language, catalogue, text
from config.roster import Roster, load_roster
from config.settings import Settings
from jingqiao.cli.announcer import announcer_of
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.cli.settings_option import (
    database_or_exit,
    group_settings_option,
    settings_option,
    settings_or_exit,
)
from jingqiao.clock import WallClock
from jingqiao.database import reading
from jingqiao.incidents.areas import listed_areas
from jingqiao.incidents.deadlines import Deadline, Deadlines, deadlines_by
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError, act, add_photo
from jingqiao.incidents.grading import NotGradableError, grade
from jingqiao.incidents.incident import LIVE, Action, Incident, State, possible
from jingqiao.incidents.merging import CannotMergeError, merge, split
from jingqiao.incidents.store import find, listed, members_of, transitions_of
from jingqiao.incidents.view import as_json, history_json, reason_text
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.text import place, severity_name
from jingqiao.notify.view import message_json
from rules.alarm import Severity

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
@click.option(
    "--areas", "areas", is_flag=True, help="Area incidents instead, each with its members' numbers."
)
@click.option(
    "--drills", "drills", is_flag=True, help="Those of drills instead; they stand in no other list."
)
@click.option("--overdue", "only_overdue", is_flag=True, help="Only those with a stage that is overdue.")
def list_(
    settings_path: Path,
    as_json_: bool,
    only_live: bool,
    everything: bool,
    state: str | None,
    areas: bool,
    drills: bool,
    only_overdue: bool,
) -> None:
    """Incidents, gravest first: live ones, and those that ended in the last seven days."""
    settings = settings_or_exit(settings_path)
    if areas:
        _list_areas(settings, as_json_, everything)
        return
    states = frozenset({State(state)}) if state else LIVE if only_live else None
    after = None if everything or state else WallClock().now() - _RECENT_US
    with reading(database_or_exit(settings)) as connection:
        found = listed(connection, states=states, finished_after=after, exercises=drills)
        live_areas = [] if drills else listed_areas(connection)
    tongue, now, deadlines = language(), WallClock().now(), deadlines_by(_roster(settings))
    if only_overdue:
        found = [i for i in found if any(d.met_at is None and d.overdue(now) for d in deadlines(i))]
        live_areas = []
    if as_json_:
        print_json([as_json(incident, tongue, deadlines(incident), now) for incident in found])
    elif not found:
        click.echo(text("incidents.none", tongue))
    else:
        _print_list([*live_areas, *found], settings, tongue, deadlines)


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
        members = [member.id for member in members_of(connection, incident_id)]
    now, deadlines = WallClock().now(), deadlines_by(_roster(settings))
    if as_json_:
        print_json(
            as_json(incident, tongue, deadlines(incident), now)
            | {"members": members, "history": history_json(history), "messages": messages}
        )
        return
    _print_list([incident], settings, tongue, deadlines)
    if members:
        click.echo(text("incidents.members", tongue, ids=", ".join(map(str, members))))
    _print_deadlines(deadlines(incident), settings, tongue)
    zone = ZoneInfo(settings.timezone)
    print_table(
        _columns(("at", "event", "state", "who", "why"), tongue),
        [
            (
                _local(row["at"], zone),
                _word(f"incidents.event.{row['event']}", row["event"], tongue),
                _state(State(row["to_state"]), tongue),
                row["who"],
                " ".join(part for part in (row["reference"], row["why"]) if part),
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


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
@click.argument("reference")
def photo(
    settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int, reference: str
) -> None:
    """Note where a photo lies: REFERENCE is a path, a number or an address."""
    settings, tongue = settings_or_exit(settings_path), language()
    database, who = database_or_exit(settings), by or getpass.getuser()
    try:
        incident = add_photo(database, incident_id, reference, who=who, now=WallClock().now(), why=why)
    except UnknownIncidentError:
        _unknown(incident_id)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json_:
        print_json(as_json(incident, tongue))
    else:
        click.echo(text("incidents.photo", tongue, id=incident_id, reference=reference))


@incidents.command()
@settings_option
@_json
@_by
@_why
@_id
@click.argument("colour", type=click.Choice(["red", "orange", "yellow", "blue"]))
def severity(
    settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int, colour: str
) -> None:
    """Raise or lower the severity, with a reason; the rules overrule it only with something graver."""
    settings, tongue = settings_or_exit(settings_path), language()
    database = database_or_exit(settings)
    if not why.strip():
        click.echo(text("incidents.why_needed", tongue), err=True)
        raise SystemExit(WRONG_USE)
    wanted = Severity[colour.upper()]
    try:
        with reading(database) as connection:
            before = find(connection, incident_id)
        incident = grade(
            database,
            incident_id,
            wanted,
            who=by or getpass.getuser(),
            why=why,
            now=WallClock().now(),
            announcer=announcer_of(settings, tongue),
        )
    except UnknownIncidentError:
        _unknown(incident_id)
    except NotGradableError as error:
        if error.incident.severity is wanted:
            _refuse(
                text(
                    "incidents.same_severity", tongue, id=incident_id, severity=severity_name(wanted, tongue)
                )
            )
        can = ", ".join(possible(error.incident.state))
        words = {"state": _state(error.incident.state, tongue), "action": "severity", "possible": can}
        _refuse(text("incidents.not_possible", tongue, id=incident_id, **words))
    if as_json_:
        print_json(as_json(incident, tongue))
        return
    assert before is not None
    words = {"before": severity_name(before.severity, tongue), "after": severity_name(wanted, tongue)}
    click.echo(text("incidents.severity", tongue, id=incident_id, **words))


@incidents.command("merge")
@settings_option
@_json
@_by
@_why
@click.option("--into", type=int, default=None, help="An area incident that is there already.")
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID…")
def merge_(
    settings_path: Path, as_json_: bool, by: str | None, why: str, into: int | None, ids: tuple[int, ...]
) -> None:
    """Put incidents of one cause into an area incident; each stays in the list."""
    settings, tongue = settings_or_exit(settings_path), language()
    database = database_or_exit(settings)
    try:
        area = merge(
            database,
            ids,
            who=by or getpass.getuser(),
            why=why,
            now=WallClock().now(),
            into=into,
            announcer=announcer_of(settings, tongue),
        )
    except UnknownIncidentError as error:
        _unknown(error.incident_id)
    except CannotMergeError as error:
        problem = text(f"incidents.merge.{error.key}", tongue, **error.values)
        _refuse(text("incidents.cannot_merge", tongue, problem=problem))
    with reading(database) as connection:
        members = [member.id for member in members_of(connection, area.id)]
    if as_json_:
        print_json(as_json(area, tongue) | {"members": members})
    else:
        click.echo(text("incidents.merged", tongue, id=area.id, count=len(members)))


@incidents.command("split")
@settings_option
@_json
@_by
@_why
@_id
def split_(settings_path: Path, as_json_: bool, by: str | None, why: str, incident_id: int) -> None:
    """Take an incident out of its area incident again."""
    settings, tongue = settings_or_exit(settings_path), language()
    database = database_or_exit(settings)
    with reading(database) as connection:
        before = find(connection, incident_id)
    try:
        incident = split(
            database,
            incident_id,
            who=by or getpass.getuser(),
            why=why,
            now=WallClock().now(),
            announcer=announcer_of(settings, tongue),
        )
    except UnknownIncidentError:
        _unknown(incident_id)
    except CannotMergeError:
        _refuse(text("incidents.not_merged", tongue, id=incident_id))
    assert before is not None
    if as_json_:
        print_json(as_json(incident, tongue))
    else:
        click.echo(text("incidents.split", tongue, id=incident_id, area=before.parent_id))


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
            announcer=announcer_of(settings, tongue),
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


def _roster(settings: Settings) -> Roster | None:
    """The roster for its limits; None = those that hold when nothing is said."""
    if settings.roster is None:
        return None
    try:
        return load_roster(settings.roster)
    except FaultsError as error:
        click.echo(str(error.faults[0]), err=True)
        return None


def _list_areas(settings: Settings, as_json_: bool, everything: bool) -> None:
    tongue = language()
    with reading(database_or_exit(settings)) as connection:
        found = listed_areas(connection, live=not everything)
        members = {area.id: [m.id for m in members_of(connection, area.id)] for area in found}
    if as_json_:
        print_json([as_json(area, tongue) | {"members": members[area.id]} for area in found])
    elif not found:
        click.echo(text("incidents.none", tongue))
    else:
        _print_list(found, settings, tongue, lambda _: ())


def _print_deadlines(deadlines: Sequence[Deadline], settings: Settings, tongue: Language) -> None:
    if not deadlines:
        return
    zone, now = ZoneInfo(settings.timezone), WallClock().now()
    print_table(
        _columns(("stage", "within", "due", "met"), tongue),
        [
            (
                text(f"incidents.stage.{deadline.stage}", tongue),
                f"{deadline.within:g} {text(f'incidents.clock.{deadline.clock}', tongue)}",
                _local(deadline.due_at, zone) + (text("notify.guessed", tongue) if deadline.guessed else ""),
                ("" if deadline.met_at is None else _local(deadline.met_at, zone))
                + (f" {text('incidents.overdue', tongue)}" if deadline.overdue(now) else ""),
            )
            for deadline in deadlines
        ],
    )


def _print_list(
    found: Sequence[Incident], settings: Settings, tongue: Language, deadlines: Deadlines
) -> None:
    now = WallClock().now()
    zone = ZoneInfo(settings.timezone)
    rows: list[tuple[Any, ...]] = []
    for incident in found:
        value = "" if incident.value is None else f"{incident.value:.4g} {incident.unit}"
        if incident.is_area:
            value = reason_text(incident, tongue)
        state = _state(incident.state, tongue)
        if any(d.met_at is None and d.overdue(now) for d in deadlines(incident)):
            state += f" {text('incidents.overdue', tongue)}"
        rows.append(
            (
                incident.id,
                severity_name(incident.severity, tongue),
                text(f"notify.hazard.{incident.hazard}", tongue),
                place(incident, tongue),
                state,
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
