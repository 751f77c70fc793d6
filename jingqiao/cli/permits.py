"""`jingqiao permits`: announced work at an asset, during which what is seen there is kept and not told."""

from __future__ import annotations

from collections.abc import Mapping

import click
import sqlalchemy as sa

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
from jingqiao.dossier.plain import instant_text
from jingqiao.dossier.tables import control_request
from jingqiao.explaining import muted_now


@click.group()
def group() -> None:
    """Announced work: lids opened by permit, interventions on a bridge."""


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
        announce_work(
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
    click.echo(text("devices_.permit", language(), asset_id=asset_id, end=_local(end, settings)))


@group.command("list")
@click.option("--asset", "asset_id", default=None, help="Only of this asset.")
@click.option("--all", "also_past", is_flag=True, help="Also those that are over.")
@json_option
@city_option
def list_(asset_id: str | None, also_past: bool, as_json: bool, settings: Settings) -> None:
    """List announced work, the newest first, with what it keeps from being told now."""
    table = control_request
    query = sa.select(table).where(table.c.name.in_(("permit", "intervention"))).order_by(table.c.id.desc())
    with reading(database_of(settings)) as connection:
        found = [
            {
                **row["payload"],
                "who": row["who"],
                "requested_at": row["requested_at"],
                "in_force": row["taken_seq"] is not None,
            }
            for row in connection.execute(query).mappings()
        ]
    found = [
        row
        for row in found
        if (asset_id is None or row["asset_id"] == asset_id) and (also_past or row["to"] > now())
    ]
    running = {row["asset_id"] for row in found if row["from"] <= now() < row["to"]}
    muted = muted_now(settings, running)
    if as_json:
        times = ("from", "to", "requested_at")
        print_json(
            [
                {
                    **row,
                    **{name: instant_text(row[name]) for name in times},
                    "muted": [
                        {**kept, "until": instant_text(kept["until"])}
                        for kept in muted.get(row["asset_id"], ())
                    ],
                }
                for row in found
            ]
        )
        return
    columns = ("asset_id", "kind", "from", "to", "note", "who", "in_force", "muted")
    print_table(
        [text(f"devices_.column.{name}", language()) for name in columns],
        [
            (
                row["asset_id"],
                text(f"assets.what.{row['kind']}", language()),
                _local(row["from"], settings),
                _local(row["to"], settings),
                row["note"],
                row["who"],
                text("assets.yes" if row["in_force"] else "assets.no", language()),
                "、".join(_told(kept) for kept in muted.get(row["asset_id"], ())),
            )
            for row in found
        ],
    )


def _told(kept: Mapping[str, str]) -> str:
    hazard, severity = kept["hazard"], kept["severity"]
    return f"{text(f'notify.hazard.{hazard}', language())} {text(f'notify.severity.{severity}', language())}"


def _local(micros: int, settings: Settings) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where a time is printed

    return local(instant_text(micros), ZoneInfo(settings.timezone))
