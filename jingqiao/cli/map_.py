"""`jingqiao map`: pipe networks, roads and outlines for the console's map, from GeoJSON files."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from config.faults import FaultsError
from config.messages import text
from config.settings import Settings
from devices.crs import Crs
from jingqiao.cli.dossier_options import city_option, json_option, now, refuse, who_option
from jingqiao.cli.output import fail_with, language, print_json, print_table
from jingqiao.dossier.plain import instant_text
from jingqiao.map.geojson import read_geojson
from jingqiao.map.layers import KINDS, NAME, Kind, Layer, layers, map_folder, remove, store


@click.group()
def group() -> None:
    """Lines and areas on the console's map."""


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default=None, help="Short name (a-z, 0-9, -, _); by default from the file's.")
@click.option("--title", default=None, help="What people read; by default the file's name.")
@click.option("--kind", type=click.Choice(KINDS), default="other", show_default=True, help="How it is drawn.")
@click.option("--crs", type=click.Choice(["wgs84", "gcj02", "bd09"]), default="wgs84", show_default=True)
@who_option
@json_option
@city_option
def import_(
    file: Path,
    name: str | None,
    title: str | None,
    kind: Kind,
    crs: Crs,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Import FILE (GeoJSON); one of the same name is replaced.

    A feature that cannot be drawn is named and left out; the rest is imported.
    """
    short = name if name is not None else re.sub(r"[^a-z0-9_-]+", "-", file.stem.lower()).strip("-_")
    if not NAME.fullmatch(short):
        refuse("map.cli.name", name=short)
    try:
        shape = read_geojson(file, crs, language())
    except FaultsError as error:
        fail_with(error)
    layer = Layer(
        name=short,
        title=title or file.stem,
        kind=kind,
        lines=len(shape.first) - 1,
        vertices=len(shape.x),
        imported_at=now(),
        who=who,
        source=file.name,
    )
    store(map_folder(settings.data_dir), layer, shape)
    for fault in shape.faults:
        click.echo(str(fault), err=True)
    if as_json:
        print_json({**_as_json(layer), "points": shape.points, "faults": [str(f) for f in shape.faults]})
        return
    click.echo(text("map.cli.imported", language(), name=short, lines=layer.lines, vertices=layer.vertices))
    if shape.points:
        click.echo(text("map.cli.points", language(), points=shape.points), err=True)


@group.command("list")
@json_option
@city_option
def list_(as_json: bool, settings: Settings) -> None:
    """List what was imported."""
    found = layers(map_folder(settings.data_dir))
    if as_json:
        print_json([_as_json(layer) for layer in found])
        return
    columns = ("name", "title", "kind", "lines", "vertices", "imported_at", "who", "source")
    print_table(
        [text(f"map.column.{column}", language()) for column in columns],
        [[_shown(_as_json(layer)[column], column) for column in columns] for layer in found],
    )


@group.command("remove")
@click.argument("name")
@city_option
def remove_(name: str, settings: Settings) -> None:
    """Take NAME off the map."""
    if not NAME.fullmatch(name) or not remove(map_folder(settings.data_dir), name):
        refuse("map.cli.unknown", name=name)
    click.echo(text("map.cli.removed", language(), name=name))


def _as_json(layer: Layer) -> dict[str, object]:
    return {**asdict(layer), "imported_at": instant_text(layer.imported_at)}


def _shown(value: object, column: str) -> object:
    return text(f"map.kind.{value}", language()) if column == "kind" else value
