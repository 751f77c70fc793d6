"""`jingqiao incidents`: what people work on, and what they do with it. Works while the service runs."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from config.faults import FaultsError
from config.messages import text
from config.roster import Roster, load_roster
from config.settings import Settings
from jingqiao.cli.announcer import announcer_of
from jingqiao.cli.incident_changes import COMMANDS
from jingqiao.cli.incident_sheet import (
    columns,
    local_time,
    names_of,
    print_deadlines,
    print_list,
    refuse,
    state_word,
    unknown,
    word,
)
from jingqiao.cli.output import WRONG_USE, language, print_json, print_table
from jingqiao.cli.settings_option import (
    database_or_exit,
    group_settings_option,
    settings_option,
    settings_or_exit,
)
from jingqiao.clock import WallClock
from jingqiao.database import reading
from jingqiao.incidents.areas import listed_areas
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError, act
from jingqiao.incidents.evidence_view import told_evidence
from jingqiao.incidents.incident import LIVE, Action, State
from jingqiao.incidents.store import find, listed, members_of, transitions_of
from jingqiao.incidents.view import as_json, history_json
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.sender import APPRISE
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


for _command in COMMANDS:
    incidents.add_command(_command)


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
        print_list([*live_areas, *found], settings, tongue, deadlines)


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
            unknown(incident_id)
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
            | {"evidence": dict(incident.evidence)}
        )
        return
    print_list([incident], settings, tongue, deadlines)
    if members:
        click.echo(text("incidents.members", tongue, ids=", ".join(map(str, members))))
    print_deadlines(deadlines(incident), settings, tongue)
    for name, value in told_evidence(incident.evidence, tongue):
        click.echo(f"  {name}: {value}")
    zone, people = ZoneInfo(settings.timezone), names_of(settings)
    print_table(
        columns(("at", "event", "state", "who", "why"), tongue),
        [
            (
                local_time(row["at"], zone),
                word(f"incidents.event.{row['event']}", row["event"], tongue),
                state_word(State(row["to_state"]), tongue),
                people.get(row["who"], row["who"]),
                " ".join(part for part in (row["reference"], row["why"]) if part),
            )
            for row in history
        ],
    )
    print_table(
        columns(("person", "channel", "outcome", "at", "why"), tongue),
        [
            (
                people.get(row["person"], row["person"]),
                attempt["channel"],
                word(f"notify_command.{attempt['outcome']}", attempt["outcome"], tongue),
                f"{datetime.fromisoformat(attempt['started_at']).astimezone(zone):%Y-%m-%d %H:%M:%S}",
                text("notify_command.worth", tongue)
                if (attempt["provider_code"], attempt["outcome"]) == (APPRISE, "sent")
                else attempt["detail"],
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
    if not words.strip():
        click.echo(text("incidents.no_words", language()), err=True)
        raise SystemExit(WRONG_USE)
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
            announcer=announcer_of(settings, tongue),
        )
    except UnknownIncidentError:
        unknown(incident_id)
    except NotPossibleError as error:
        state = text(f"notify.state.{error.incident.state}", tongue)
        can = ", ".join(error.possible)
        refuse(
            text("incidents.not_possible", tongue, id=incident_id, state=state, action=action, possible=can)
        )
    if as_json_:
        print_json(as_json(incident, tongue))
        return
    said = "noted" if action is Action.COMMENT else "done"
    click.echo(text(f"incidents.{said}", tongue, id=incident.id, state=state_word(incident.state, tongue)))
    if action in (Action.ACK, Action.ASSIGN) and incident.unanswered_since is not None:
        click.echo(text("incidents.more_answers", tongue))
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
        print_list(found, settings, tongue, lambda _: ())
