"""`jingqiao devices firmware|versions`: what devices reported of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import click

from config.messages import text
from config.settings import Settings
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.dossier_options import city_option, database_of, json_option
from jingqiao.cli.output import language, print_json, print_table
from jingqiao.database import reading
from jingqiao.dossier.plain import instant_text
from jingqiao.fleet.firmware import Wanted, by_firmware
from jingqiao.fleet.firmware import devices as reported


@click.command()
@json_option
@city_option
def firmware(as_json: bool, settings: Settings) -> None:
    """Count sensors by model and the firmware that their devices reported."""
    with reading(database_of(settings)) as connection:
        found = by_firmware(connection)
    if as_json:
        print_json([{**row, "said_at": _instant(row["said_at"])} for row in found])
        return
    device_table(
        ("model", "firmware", "sensors", "said_at"),
        [
            (
                row["model"],
                row["firmware"] or text("devices_.untold", language()),
                row["sensors"],
                local(_instant(row["said_at"]), settings.zone),
            )
            for row in found
        ],
    )


@click.command()
@click.argument("sensor_ids", nargs=-1)
@click.option("--model", default="", help="Only of this model.")
@click.option("--firmware", default="", help="Only with exactly this firmware.")
@click.option("--untold", is_flag=True, help="Only those that never reported theirs.")
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True)
@json_option
@city_option
def versions(
    sensor_ids: tuple[str, ...],
    model: str,
    firmware: str,
    untold: bool,
    limit: int,
    as_json: bool,
    settings: Settings,
) -> None:
    """List what devices reported of themselves: firmware, hardware, serial number, and when."""
    wanted = Wanted(model, "" if untold else firmware, untold, sensor_ids)
    with reading(database_of(settings)) as connection:
        found = reported(connection, wanted, limit=limit)
    columns = ("sensor_id", "asset_id", "model", "firmware", "hardware", "serial_number", "said_at")
    rows = [{**{name: row[name] for name in columns}, "said_at": _instant(row["said_at"])} for row in found]
    if as_json:
        print_json(rows)
        return
    device_table(
        columns,
        [(*(row[name] for name in columns[:-1]), local(row["said_at"], settings.zone)) for row in rows],
    )


COMMANDS: tuple[click.Command, ...] = (firmware, versions)


def device_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table of `jingqiao devices`, its heads in the reader's language."""
    print_table([text(f"devices_.column.{name}", language()) for name in columns], rows)


def _instant(micros: int | None) -> str | None:
    return None if micros is None else instant_text(micros)
