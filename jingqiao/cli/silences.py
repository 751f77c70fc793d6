"""`jingqiao silences`: what people asked not to be told of for a while, and what that kept from them."""

from __future__ import annotations

import click

from config.messages import text
from config.settings import Settings
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.dossier_options import (
    Instant,
    city_option,
    database_of,
    json_option,
    now,
    refuse,
    who_option,
)
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.database import reading, writing
from jingqiao.dossier.entries import is_stranger
from jingqiao.incidents.view import as_json as as_row
from jingqiao.incidents.view import rfc3339
from jingqiao.notify.silences import add_silence, end_silence, muted_by, muted_incidents, silences
from jingqiao.notify.text import place, severity_name
from rules.alarm import HAZARDS


@click.group()
def group() -> None:
    """Silences: for a while, for a named asset, district or hazard. Red is always told."""


@group.command()
@click.option("--asset", "asset_id", default="", help="Only this asset.")
@click.option("--district", default="", help="Only this district: its name or six digits.")
@click.option("--hazard", default="", type=click.Choice(["", *(hazard.value for hazard in HAZARDS)]))
@click.option("--from", "start", type=Instant(), default=None, help="By default now.")
@click.option("--to", "end", type=Instant(), required=True, help="RFC 3339, local time, or +2h.")
@click.option("--why", default="", help="Why; shown in the list.")
@who_option
@json_option
@city_option
def add(
    asset_id: str,
    district: str,
    hazard: str,
    start: int | None,
    end: int,
    why: str,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Begin a silence."""
    database = database_of(settings)
    if asset_id:
        with reading(database) as connection:
            if is_stranger(connection, asset_id):
                refuse("assets.unknown", asset_id=asset_id)
    try:
        with writing(database) as connection:
            number = add_silence(
                connection,
                from_at=now() if start is None else start,
                until_at=end,
                who=who,
                why=why,
                asset_id=asset_id,
                district=district,
                hazard=hazard,
            )
    except ValueError:
        click.echo(text("calm.silences.wrong", language()), err=True)
        raise SystemExit(WRONG_USE) from None
    if as_json:
        print_json({"id": number, "until": rfc3339(end)})
    else:
        click.echo(
            text("calm.silences.added", language(), id=number, until=local(rfc3339(end), settings.zone))
        )


@group.command("list")
@click.option("--all", "also_past", is_flag=True, help="Also those that are over.")
@json_option
@city_option
def list_(also_past: bool, as_json: bool, settings: Settings) -> None:
    """Silences in force, and how many incidents each kept from people."""
    with reading(database_of(settings)) as connection:
        found = [
            (item, muted_by(connection, item.id))
            for item in silences(connection, None if also_past else now())
        ]
    if as_json:
        print_json(
            [
                {
                    "id": item.id,
                    "asset_id": item.asset_id or None,
                    "district": item.district or None,
                    "hazard": item.hazard or None,
                    "from": rfc3339(item.from_at),
                    "until": rfc3339(item.until_at),
                    "who": item.who,
                    "why": item.why,
                    "muted": muted,
                }
                for item, muted in found
            ]
        )
    elif not found:
        click.echo(text("calm.silences.nothing", language()))
    else:
        names = ("id", "scope", "from", "until", "who", "why", "muted")
        print_table(
            [text(f"calm.column.{name}", language()) for name in names],
            [
                (
                    item.id,
                    " ".join(part for part in (item.asset_id, item.district, item.hazard) if part),
                    local(rfc3339(item.from_at), settings.zone),
                    local(rfc3339(item.until_at), settings.zone),
                    item.who,
                    item.why,
                    muted,
                )
                for item, muted in found
            ],
        )


@group.command()
@click.argument("number", type=int)
@json_option
@city_option
def show(number: int, as_json: bool, settings: Settings) -> None:
    """What silence NUMBER kept from people: every incident, since when, and where it stands."""
    with reading(database_of(settings)) as connection:
        known = any(item.id == number for item in silences(connection))
        found = muted_incidents(connection, f"silence:{number}")
    if not known:
        click.echo(text("calm.silences.unknown", language(), id=number), err=True)
        raise SystemExit(CHECK_FAILED)
    tongue = language()
    if as_json:
        print_json([{"muted_since": rfc3339(since), **as_row(incident, tongue)} for since, incident in found])
        return
    print_table(
        [
            text(f"incidents.column.{name}", tongue)
            for name in ("id", "severity", "hazard", "place", "state", "at")
        ],
        [
            (
                incident.id,
                severity_name(incident.severity, tongue),
                text(f"notify.hazard.{incident.hazard}", tongue),
                place(incident, tongue),
                text(f"notify.state.{incident.state}", tongue),
                local(rfc3339(since), settings.zone),
            )
            for since, incident in found
        ],
    )


@group.command()
@click.argument("number", type=int)
@city_option
def end(number: int, settings: Settings) -> None:
    """End silence NUMBER now; what it held is told, if it still matters."""
    with writing(database_of(settings)) as connection:
        ended = end_silence(connection, number, now())
    click.echo(text(f"calm.silences.{'ended' if ended else 'not_there'}", language(), id=number))
    if not ended:
        raise SystemExit(CHECK_FAILED)
