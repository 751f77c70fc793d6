"""`jingqiao roster override|swap|extra|withdraw|changes|calendar`: what people change beside its file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import click
import sqlalchemy as sa

from config.messages import text
from config.roster import Roster
from config.settings import Settings
from jingqiao.cli.dossier_options import Instant, city_option, database_of, json_option, now, who_option
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.cli.settings_option import current_roster_or_exit, roster_or_exit
from jingqiao.database import reading, writing
from jingqiao.incidents.view import rfc3339
from jingqiao.roster.ical import calendar_feed
from jingqiao.roster.overrides import (
    OverrideError,
    OverrideRow,
    add_override,
    overrides,
    with_overrides,
    withdraw,
)
from jingqiao.roster.overrides import swap as swap_duties

_team = click.argument("team")
_from = click.option("--from", "start", type=Instant(), default=None, help="By default now.")
_to = click.option("--to", "end", type=Instant(), required=True, help="RFC 3339, local time, or +2h.")
_why = click.option("--why", default="", help="Why; shown wherever somebody asks who is on duty.")


@click.command()
@_team
@click.argument("people", nargs=-1)
@click.option("--deputy", default=None, help="Who comes second in that time.")
@click.option("--leader", default=None, help="Who comes third in that time.")
@_from
@_to
@_why
@who_option
@json_option
@city_option
def override(
    team: str,
    people: tuple[str, ...],
    deputy: str | None,
    leader: str | None,
    start: int | None,
    end: int,
    why: str,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Put PEOPLE on duty in TEAM for a time, in place of whoever would be."""
    _make(
        settings,
        as_json,
        lambda connection, roster, at: [
            add_override(
                connection,
                roster,
                team=team,
                people=people,
                deputy=deputy,
                leader=leader,
                from_at=at if start is None else start,
                until_at=end,
                who=who,
                why=why,
                now=at,
            )
        ],
    )


@click.command()
@_team
@click.argument("people", nargs=-1, required=True)
@_from
@_to
@_why
@who_option
@json_option
@city_option
def extra(
    team: str,
    people: tuple[str, ...],
    start: int | None,
    end: int,
    why: str,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """A temporary shift: PEOPLE are on duty in TEAM as well."""
    _make(
        settings,
        as_json,
        lambda connection, roster, at: [
            add_override(
                connection,
                roster,
                team=team,
                people=people,
                extra=True,
                from_at=at if start is None else start,
                until_at=end,
                who=who,
                why=why,
                now=at,
            )
        ],
    )


@click.command()
@_team
@click.argument("one")
@click.argument("other")
@_from
@_to
@click.option("--back-from", type=Instant(), default=None, help="When ONE has the duty of OTHER in return.")
@click.option("--back-to", type=Instant(), default=None)
@_why
@who_option
@json_option
@city_option
def swap(
    team: str,
    one: str,
    other: str,
    start: int | None,
    end: int,
    back_from: int | None,
    back_to: int | None,
    why: str,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """OTHER takes the duty of ONE in TEAM for a time; with --back-from and --back-to also the other way."""
    if (back_from is None) != (back_to is None):
        raise click.UsageError("--back-from and --back-to belong together")
    back = None if back_from is None or back_to is None else (back_from, back_to)
    _make(
        settings,
        as_json,
        lambda connection, roster, at: swap_duties(
            connection,
            roster,
            team=team,
            one=one,
            other=other,
            first=(at if start is None else start, end),
            back=back,
            who=who,
            why=why,
            now=at,
        ),
    )


@click.command("withdraw")
@click.argument("number", type=int)
@_why
@who_option
@city_option
def withdraw_(number: int, why: str, who: str, settings: Settings) -> None:
    """Take change NUMBER back."""
    with writing(database_of(settings)) as connection:
        done = withdraw(connection, number, who=who, why=why, now=now())
    click.echo(text(f"roster.changes.{'withdrawn' if done else 'not_there'}", language(), id=number))
    if not done:
        raise SystemExit(CHECK_FAILED)


@click.command()
@click.option("--all", "also_past", is_flag=True, help="Also those that are over or were taken back.")
@json_option
@city_option
def changes(also_past: bool, as_json: bool, settings: Settings) -> None:
    """What was changed beside the roster's file, by whom and why."""
    with reading(database_of(settings)) as connection:
        found = overrides(connection, None if also_past else now())
    if as_json:
        print_json([_row_json(row) for row in found])
    elif not found:
        click.echo(text("roster.changes.none", language()))
    else:
        names = ("id", "team", "from", "until", "people", "instead_of", "who", "why", "withdrawn")
        zone = roster_or_exit(settings, text("roster.no_roster", language())).zone
        print_table(
            [text(f"roster.column.{name}", language()) for name in names],
            [
                (
                    row.id,
                    row.team,
                    f"{datetime.fromtimestamp(row.from_at / 1e6, zone):%m-%d %H:%M}",
                    f"{datetime.fromtimestamp(row.until_at / 1e6, zone):%m-%d %H:%M}",
                    ("+ " if row.extra else "") + ", ".join(row.people),
                    row.instead_of,
                    row.who,
                    row.why,
                    row.withdrawn_by,
                )
                for row in found
            ],
        )


@click.command()
@click.option("--team", default=None, help="Only this team.")
@click.option("--person", default=None, help="Only the duties of this person.")
@click.option("--weeks", type=click.IntRange(1, 53), default=8, show_default=True)
@city_option
def calendar(team: str | None, person: str | None, weeks: int, settings: Settings) -> None:
    """The roster as an iCalendar file on standard output, from today on."""
    roster = current_roster_or_exit(settings, text("roster.no_roster", language()))
    moment = now()
    today = datetime.fromtimestamp(moment / 1_000_000, roster.zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    start, end = (round((today + timedelta(weeks=w)).timestamp() * 1_000_000) for w in (0, weeks))
    try:
        content = calendar_feed(roster, start, end, now=moment, team_id=team, person=person)
    except KeyError as error:
        click.echo(text("roster.unknown", language(), name=error.args[0]), err=True)
        raise SystemExit(WRONG_USE) from None
    click.echo(content, nl=False)


COMMANDS: tuple[click.Command, ...] = (override, extra, swap, withdraw_, changes, calendar)


def _make(settings: Settings, as_json: bool, make: Callable[[sa.Connection, Roster, int], list[int]]) -> None:
    base, moment = roster_or_exit(settings, text("roster.no_roster", language())), now()
    try:
        with writing(database_of(settings)) as connection:
            roster = with_overrides(base, overrides(connection, moment))
            made = make(connection, roster, moment)
            rows = [row for row in overrides(connection) if row.id in made]
    except OverrideError as error:
        click.echo(text(f"roster.refused.{error.key}", language(), **error.values), err=True)
        raise SystemExit(WRONG_USE) from None
    if as_json:
        print_json([_row_json(row) for row in rows])
        return
    for row in rows:
        until = f"{datetime.fromtimestamp(row.until_at / 1e6, base.zone):%Y-%m-%d %H:%M}"
        click.echo(text("roster.changes.made", language(), id=row.id, until=until))


def _row_json(row: OverrideRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "team": row.team,
        "from": rfc3339(row.from_at),
        "until": rfc3339(row.until_at),
        "people": list(row.people),
        "instead_of": row.instead_of,
        "extra": row.extra,
        "deputy": row.deputy,
        "leader": row.leader,
        "who": row.who,
        "why": row.why,
        "created_at": rfc3339(row.created_at),
        "withdrawn_at": rfc3339(row.withdrawn_at),
        "withdrawn_by": row.withdrawn_by,
        "withdrawn_why": row.withdrawn_why,
    }
