"""`jingqiao assets`: every well's file, the lists of hidden dangers, and what people add to them."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

import click
import numpy as np
import pyarrow.compute as pc

from config.messages import text
from config.settings import Settings
from devices.component_codes import SCHEMES, Scheme
from devices.crs import Crs
from devices.import_csv import ASSET_COLUMNS, SENSOR_COLUMNS
from devices.registry import UNBOUND, Kind, Registry
from jingqiao.cli import asset_sheet
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
from jingqiao.dossier import dangers as danger_list
from jingqiao.dossier import exporting
from jingqiao.dossier.asset_file import asset_file
from jingqiao.dossier.entries import UnknownAssetError, add_entry, set_column
from jingqiao.dossier.registry_store import load_registry
from jingqiao.dossier.telling import danger_text

_at = click.option("--at", type=Instant(), default=None, help="When it happened; by default now.")
_inspection_days = click.option(
    "--inspection-days", type=click.FloatRange(min=1), default=365.0, show_default=True, help="Interval."
)


@click.group()
def group() -> None:
    """Assets (covers, bridges) and their files."""


@group.command()
@click.argument("asset_id")
@click.option("--codes", type=click.Choice(list(SCHEMES)), default="national", help="Component code scheme.")
@_inspection_days
@json_option
@city_option
def show(asset_id: str, codes: str, inspection_days: float, as_json: bool, settings: Settings) -> None:
    """Print the whole file of one asset."""
    limits = danger_list.Limits(inspection_days)
    with reading(database_of(settings)) as connection:
        try:
            found = asset_file(connection, asset_id, now(), language(), Scheme(codes), limits)
        except UnknownAssetError:
            refuse("assets.unknown", asset_id=asset_id)
    if as_json:
        print_json(found)
    else:
        asset_sheet.print_file(found, settings.timezone)


@group.command("list")
@click.option("--kind", type=click.Choice([k.name.lower() for k in Kind]), help="Only these.")
@click.option("--district", help="Only of this district.")
@click.option("--status", help="Only of this status.")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="At most so many.")
@json_option
@city_option
def list_(
    kind: str | None,
    district: str | None,
    status: str | None,
    limit: int | None,
    as_json: bool,
    settings: Settings,
) -> None:
    """List assets, with the number of sensors bound to each."""
    registry = load_registry(database_of(settings))
    mask = np.ones(len(registry.assets), bool)
    if kind:
        mask &= registry.assets.kind == Kind[kind.upper()]
    for name, wanted in (("district", district), ("status", status)):
        if wanted is not None:
            mask &= pc.equal(registry.assets.texts[name], wanted).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(mask)[:limit]
    bound = registry.sensors.asset[registry.sensors.asset != UNBOUND]
    counts = np.bincount(bound, minlength=len(registry.assets))
    cells = [
        {**row, "sensors": int(counts[i])}
        for i, row in zip(rows, exporting.asset_rows(registry, rows), strict=True)
    ]
    if as_json:
        print_json(cells)
        return
    shown = ("asset_id", "kind", "name", "category", "district", "road", "status", "sensors")
    print_table(
        [text(f"assets.column.{n}", language()) for n in shown], [[c[n] for n in shown] for c in cells]
    )


@group.command()
@click.option("--format", "form", type=click.Choice(["csv", "geojson"]), default="csv", show_default=True)
@click.option("--sensors", is_flag=True, help="The sensors (CSV) instead of the assets.")
@click.option("--crs", type=click.Choice(["wgs84", "gcj02", "bd09"]), default="wgs84", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File; else stdout.")
@city_option
def export(form: str, sensors: bool, crs: Crs, output: Path | None, settings: Settings) -> None:
    """Write the registry as CSV (as the import reads it) or GeoJSON."""
    if form == "geojson" and (sensors or crs != "wgs84"):
        raise click.UsageError("GeoJSON holds assets in WGS-84 (RFC 7946)")
    registry = load_registry(database_of(settings))

    def write(out: TextIO) -> None:
        if form == "geojson":
            exporting.write_geojson(exporting.asset_rows(registry), out)
        elif sensors:
            exporting.write_csv(SENSOR_COLUMNS, exporting.sensor_rows(registry), out)
        else:
            exporting.write_csv(ASSET_COLUMNS, exporting.asset_rows(registry, crs=crs), out)

    if output is None:
        write(sys.stdout)
    else:
        try:
            with output.open("w", encoding="utf-8", newline="") as out:
                write(out)
        except OSError as error:
            refuse("assets.not_written", path=output, reason=error.strerror)


@group.command()
@click.option("--danger", "wanted", type=click.Choice(danger_list.DANGERS), multiple=True, help="Only this.")
@click.option("--district", help="Only of this district.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=200, show_default=True, help="Rows of the table."
)
@_inspection_days
@json_option
@city_option
def dangers(
    wanted: tuple[str, ...],
    district: str | None,
    limit: int,
    inspection_days: float,
    as_json: bool,
    settings: Settings,
) -> None:
    """List hidden dangers: over age, no fall net, abandoned, not inspected, no sensor, blind sensor."""
    database = database_of(settings)
    registry = load_registry(database)
    with reading(database) as connection:
        inspected = danger_list.last_inspections(connection, len(registry.assets))
    limits = danger_list.Limits(inspection_days)
    found = [
        danger
        for danger in danger_list.dangers(registry, inspected, now(), limits)
        if (not wanted or danger.name in wanted)
        and (district is None or registry.assets.text("district", danger.asset) == district)
    ]
    if as_json:
        print_json([_danger_json(registry, danger) for danger in found])
        return
    spoken = language()
    columns = ("asset_id", "name", "district", "road")
    print_table(
        [text(f"assets.column.{n}", spoken) for n in (*columns, "danger")],
        [
            [
                *(registry.assets.text(n, d.asset) for n in columns),
                danger_text({"danger": d.name, **d.details}, spoken),
            ]
            for d in found[:limit]
        ],
    )
    counts = Counter(danger.name for danger in found)
    for name in danger_list.DANGERS:
        if counts[name]:
            click.echo(f"{text(f'assets.danger_name.{name}', spoken)}: {counts[name]}")
    if len(found) > limit:
        click.echo(text("assets.more_dangers", spoken, count=len(found) - limit))


def _danger_json(registry: Registry, danger: danger_list.Danger) -> dict[str, Any]:
    assets = registry.assets
    return {
        "asset_id": registry.asset_id(danger.asset),
        "danger": danger.name,
        **danger.details,
        "name": assets.text("name", danger.asset),
        "district": assets.text("district", danger.asset),
        "road": assets.text("road", danger.asset),
    }


@group.command()
@click.argument("asset_id")
@click.option("--result", type=click.Choice(["ok", "defect"]), default="ok", show_default=True)
@click.option("--note", default="", help="What was seen.")
@_at
@who_option
@city_option
def inspect(asset_id: str, result: str, note: str, at: int | None, who: str, settings: Settings) -> None:
    """Record an inspection."""
    _add(settings, asset_id, "inspection", at, who, note, {"result": result})


@group.command()
@click.argument("asset_id")
@click.option("--note", required=True, help="What was done.")
@_at
@who_option
@city_option
def repair(asset_id: str, note: str, at: int | None, who: str, settings: Settings) -> None:
    """Record a repair."""
    _add(settings, asset_id, "repair", at, who, note, {})


@group.command()
@click.argument("asset_id")
@click.argument("note")
@_at
@who_option
@city_option
def note(asset_id: str, note: str, at: int | None, who: str, settings: Settings) -> None:
    """Record a note."""
    _add(settings, asset_id, "note", at, who, note, {})


@group.command()
@click.argument("asset_id")
@click.argument("reference")
@click.option("--note", default="", help="What it shows.")
@_at
@who_option
@city_option
def photo(asset_id: str, reference: str, note: str, at: int | None, who: str, settings: Settings) -> None:
    """Record a photo by its REFERENCE (URL or file); of a file, its SHA-256 is kept too."""
    details: dict[str, Any] = {"reference": reference}
    path = Path(reference)
    if "://" not in reference and path.is_file():
        details["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    _add(settings, asset_id, "photo", at, who, note, details)


@group.command()
@click.argument("asset_id")
@click.argument("status")
@click.option("--why", default="", help="The reason.")
@_at
@who_option
@city_option
def status(asset_id: str, status: str, why: str, at: int | None, who: str, settings: Settings) -> None:
    """Change the status: in_use, abandoned, filled, removed, under_repair, over_age, …"""
    _set(settings, asset_id, "status", status.lower(), at, who, why)


@group.command("fall-net")
@click.argument("asset_id")
@click.argument("there", type=click.Choice(["yes", "no"]))
@click.option("--why", default="", help="The reason.")
@_at
@who_option
@city_option
def fall_net(asset_id: str, there: str, why: str, at: int | None, who: str, settings: Settings) -> None:
    """Record that a fall-prevention net was put in, or is gone."""
    _set(settings, asset_id, "fall_net", int(there == "yes"), at, who, why)


def _add(
    settings: Settings, asset_id: str, what: str, at: int | None, who: str, note: str, details: dict[str, Any]
) -> None:
    moment = now()
    try:
        add_entry(
            database_of(settings),
            asset_id,
            what,
            at=moment if at is None else at,
            recorded_at=moment,
            who=who,
            note=note,
            details=details,
        )
    except UnknownAssetError:
        refuse("assets.unknown", asset_id=asset_id)
    click.echo(text("assets.recorded", language(), asset_id=asset_id))


def _set(
    settings: Settings, asset_id: str, name: str, value: Any, at: int | None, who: str, why: str
) -> None:
    moment = now()
    database = database_of(settings)
    try:
        done = set_column(
            database,
            asset_id,
            name,
            value,
            at=moment if at is None else at,
            recorded_at=moment,
            who=who,
            why=why,
        )
    except UnknownAssetError:
        refuse("assets.unknown", asset_id=asset_id)
    click.echo(text("assets.recorded" if done else "assets.already", language(), asset_id=asset_id))
