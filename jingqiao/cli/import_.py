"""`jingqiao import`: the registry's files into the dossier, whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from config.faults import FaultsError
from config.messages import text
from config.settings import Settings
from devices.component_codes import SCHEMES, Scheme, check_assets
from devices.crs import Crs
from jingqiao.cli.dossier_options import city_option, database_of, json_option, now, show_faults, who_option
from jingqiao.cli.output import language, print_json, print_table
from jingqiao.database import reading
from jingqiao.dossier import importing

CHANGES_SHOWN = 50
"""So many changed rows are shown to people; `--json` has a thousand."""
CHANGES_IN_JSON = 1000


@click.command("import")
@click.argument("assets", type=click.Path(path_type=Path))
@click.argument("sensors", type=click.Path(path_type=Path), required=False)
@click.option("--crs", type=click.Choice(["wgs84", "gcj02", "bd09"]), default=None, help="Of lon, lat.")
@click.option("--codes", type=click.Choice(list(SCHEMES)), default="national", help="Component code scheme.")
@click.option("--strict-codes", is_flag=True, help="An asset_id that is no component code is a fault.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@who_option
@json_option
@city_option
def command(
    assets: Path,
    sensors: Path | None,
    crs: Crs | None,
    codes: str,
    strict_codes: bool,
    dry_run: bool,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Import ASSETS and SENSORS (CSV or XLSX); importing again is an update.

    Every bad row is named with its line, column and remedy; then nothing is imported.
    """
    database = database_of(settings)
    scheme = Scheme(codes, strict=strict_codes)
    try:
        files = importing.read_files(
            assets, sensors, crs=crs or settings.registry.crs, language=language(), scheme=scheme
        )
        with reading(database) as connection:
            plan = importing.plan_import(connection, files)
    except FaultsError as error:
        show_faults(error, as_json)
    warnings = check_assets(plan.registry.assets, scheme, str(assets), language())
    if not dry_run and not plan.empty:
        with _bar(shown=not as_json) as progress:
            plan = importing.carry_out(database, files, plan, at=now(), who=who, progress=progress)
    if as_json:
        print_json(_summary(plan, dry_run, [str(w) for w in warnings]))
        return
    for warning in warnings:
        click.echo(text("assets.import.warning", language(), warning=warning), err=True)
    _show(plan, dry_run)


def _summary(plan: importing.Plan, dry_run: bool, warnings: list[str]) -> dict[str, Any]:
    changes = [
        {"id": name, "columns": {k: [before, after] for k, before, after in columns}}
        for name, columns in _changes(plan, CHANGES_IN_JSON)
    ]
    return {**plan.counts, "dry_run": dry_run, "changes": changes, "warnings": warnings}


def _changes(plan: importing.Plan, most: int) -> Iterator[tuple[str, list[tuple[str, Any, Any]]]]:
    for changes, name_of in (
        (plan.asset_changes(), plan.registry.asset_id),
        (plan.sensor_changes(), plan.registry.sensor_id),
    ):
        for change in changes:
            if most == 0:
                return
            most -= 1
            columns = [(_column(k), change.before[k], change.after[k]) for k in change.after]
            yield name_of(change.row), columns


def _column(name: str) -> str:
    return "asset_id" if name == "asset" else name


def _show(plan: importing.Plan, dry_run: bool) -> None:
    spoken = language()
    rows = [
        (name, column, before, after)
        for name, columns in _changes(plan, CHANGES_SHOWN)
        for column, before, after in columns
    ]
    if rows:
        print_table([text(f"assets.import.{k}", spoken) for k in ("id", "column", "before", "after")], rows)
    more = plan.counts["assets_changed"] + plan.counts["sensors_changed"] - CHANGES_SHOWN
    if more > 0:
        click.echo(text("assets.import.more_changes", spoken, count=more))
    if plan.empty:
        click.echo(text("assets.import.nothing_new", spoken, **plan.counts))
    else:
        click.echo(text("assets.import.would" if dry_run else "assets.import.did", spoken, **plan.counts))


@contextmanager
def _bar(*, shown: bool) -> Iterator[importing.Progress | None]:
    if not shown or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(text("assets.import.writing", language()), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
