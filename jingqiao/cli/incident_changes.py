"""`jingqiao incidents photo|severity|merge|split`: what people say of an incident beside its steps."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from config.messages import text
from jingqiao.cli.announcer import announcer_of
from jingqiao.cli.incident_sheet import refuse, state_word, unknown
from jingqiao.cli.output import WRONG_USE, language, print_json
from jingqiao.cli.settings_option import database_or_exit, settings_option, settings_or_exit
from jingqiao.clock import WallClock
from jingqiao.database import reading
from jingqiao.incidents.desk import UnknownIncidentError, add_photo
from jingqiao.incidents.grading import NotGradableError, grade
from jingqiao.incidents.incident import possible
from jingqiao.incidents.merging import CannotMergeError, merge, split
from jingqiao.incidents.store import find, members_of
from jingqiao.incidents.view import as_json
from jingqiao.notify.text import severity_name
from rules.alarm import Severity

_json = click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
_by = click.option("--by", default=None, help="Who does it; your login name where not said.")
_why = click.option("--why", "--note", default="", help="Why, for the record.")
_id = click.argument("incident_id", type=int, metavar="ID")


@click.command()
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
        unknown(incident_id)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json_:
        print_json(as_json(incident, tongue))
    else:
        click.echo(text("incidents.photo", tongue, id=incident_id, reference=reference))


@click.command()
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
        unknown(incident_id)
    except NotGradableError as error:
        if error.incident.severity is wanted:
            refuse(
                text(
                    "incidents.same_severity", tongue, id=incident_id, severity=severity_name(wanted, tongue)
                )
            )
        can = ", ".join(possible(error.incident.state))
        words = {"state": state_word(error.incident.state, tongue), "action": "severity", "possible": can}
        refuse(text("incidents.not_possible", tongue, id=incident_id, **words))
    if as_json_:
        print_json(as_json(incident, tongue))
        return
    assert before is not None
    words = {"before": severity_name(before.severity, tongue), "after": severity_name(wanted, tongue)}
    click.echo(text("incidents.severity", tongue, id=incident_id, **words))


@click.command("merge")
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
        unknown(error.incident_id)
    except CannotMergeError as error:
        problem = text(f"incidents.merge.{error.key}", tongue, **error.values)
        refuse(text("incidents.cannot_merge", tongue, problem=problem))
    with reading(database) as connection:
        members = [member.id for member in members_of(connection, area.id)]
    if as_json_:
        print_json(as_json(area, tongue) | {"members": members})
    else:
        click.echo(text("incidents.merged", tongue, id=area.id, count=len(members)))


@click.command("split")
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
        unknown(incident_id)
    except CannotMergeError:
        refuse(text("incidents.not_merged", tongue, id=incident_id))
    assert before is not None
    if as_json_:
        print_json(as_json(incident, tongue))
    else:
        click.echo(text("incidents.split", tongue, id=incident_id, area=before.parent_id))


COMMANDS: tuple[click.Command, ...] = (photo, severity, merge_, split_)
