"""`jingqiao permits`: announced work at an asset, during which what is seen there is kept and not told."""

from __future__ import annotations

from collections.abc import Mapping

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
from jingqiao.cli.output import language, print_json, print_table
from jingqiao.database import reading
from jingqiao.dossier.entries import UnknownAssetError, announce_work
from jingqiao.dossier.permits import as_json as permit_as_json
from jingqiao.dossier.permits import permits
from jingqiao.dossier.plain import instant_text
from jingqiao.incidents.muted import as_json as muted_as_json
from jingqiao.incidents.muted import muted_by


@click.group()
def group() -> None:
    """Announced work: lids opened by permit, interventions on a bridge or a sensor."""


@group.command()
@click.argument("asset_id")
@click.option("--from", "start", type=Instant(), default=None, help="By default now.")
@click.option("--to", "end", type=Instant(), required=True, help="RFC 3339, local time, or +2h.")
@click.option("--kind", type=click.Choice(["permit", "intervention"]), default="permit", show_default=True)
@click.option("--note", default="", help="Who works there, and on what.")
@who_option
@city_option
def add(
    asset_id: str, start: int | None, end: int, kind: str, note: str, who: str, settings: Settings
) -> None:
    """Announce work at ASSET_ID."""
    moment = now()
    begin = moment if start is None else start
    if end <= begin:
        raise click.UsageError("--to lies before --from")
    try:
        number = announce_work(
            database_of(settings),
            asset_id,
            start=begin,
            end=end,
            kind=kind,
            note=note,
            recorded_at=moment,
            who=who,
        )
    except UnknownAssetError:
        refuse("assets.unknown", asset_id=asset_id)
    until = local(instant_text(end), settings.zone)
    click.echo(text("devices_.permit", language(), id=number, asset_id=asset_id, end=until))


@group.command("list")
@click.option("--asset", "asset_id", default=None, help="Only of this asset.")
@click.option("--all", "also_past", is_flag=True, help="Also those that are over.")
@json_option
@city_option
def list_(asset_id: str | None, also_past: bool, as_json: bool, settings: Settings) -> None:
    """List announced work, the newest first: what it keeps from being told now, and how much it kept."""
    moment, tongue = now(), language()
    with reading(database_of(settings)) as connection:
        found = permits(connection, asset_id=asset_id, ends_after=None if also_past else moment)
        muted = muted_by(connection, [permit.id for permit in found])
    rows = [permit_as_json(permit, muted.get(permit.id, ()), moment, tongue) for permit in found]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "asset_id", "kind", "from", "to", "note", "who", "in_force", "muted", "muted_count")
    print_table(
        [text(f"devices_.column.{name}", tongue) for name in columns],
        [
            (
                row["id"],
                row["asset_id"],
                text(f"assets.what.{row['kind']}", tongue),
                local(row["from"], settings.zone),
                local(row["to"], settings.zone),
                row["note"],
                row["who"],
                text("assets.yes" if row["in_force"] else "assets.no", tongue),
                "、".join(_told(kept) for kept in row["muted"]),
                row["muted_count"],
            )
            for row in rows
        ],
    )


@group.command()
@click.argument("number", type=int)
@json_option
@city_option
def show(number: int, as_json: bool, settings: Settings) -> None:
    """What permit NUMBER kept from being told: every alarm, from when to when, and how grave it was."""
    tongue = language()
    with reading(database_of(settings)) as connection:
        known = permits(connection, ids=[number])
        found = muted_by(connection, [number]).get(number, [])
    if not known:
        refuse("devices_.permits.unknown", id=number)
    (permit,) = known
    rows = [muted_as_json(item, tongue) for item in found]
    if as_json:
        print_json({**permit_as_json(permit, found, now(), tongue), "muted": rows})
        return
    begin, end = (local(instant_text(at), settings.zone) for at in (permit.from_at, permit.to_at))
    what = text(f"assets.what.{permit.kind}", tongue)
    click.echo(
        text(
            "devices_.permits.head",
            tongue,
            id=number,
            kind=what,
            asset_id=permit.asset_id,
            start=begin,
            end=end,
            who=permit.who,
            note=permit.note,
        )
    )
    if not rows:
        click.echo(text("devices_.permits.nothing", tongue))
        return
    print_table(
        [text(f"devices_.column.{name}", tongue) for name in ("hazard", "severity", "from", "to", "reason")]
        + [text("devices_.column.sensor_id", tongue)],
        [
            (
                text(f"notify.hazard.{row['hazard']}", tongue),
                text(f"notify.severity.{row['severity']}", tongue),
                local(row["from"], settings.zone),
                local(row["to"], settings.zone) if row["to"] else text("devices_.permits.stood", tongue),
                row["reason"] + (text("devices_.permits.late", tongue) if row["historical"] else ""),
                row["sensor_id"],
            )
            for row in rows
        ],
    )


def _told(kept: Mapping[str, str]) -> str:
    hazard, severity = kept["hazard"], kept["severity"]
    return f"{text(f'notify.hazard.{hazard}', language())} {text(f'notify.severity.{severity}', language())}"
