"""`jingqiao bridge`: a bridge's monthly report, crossings of known weight, raw samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import numpy as np

from config.faults import FaultsError
from config.messages import Language, text
from config.rules import RuleSet, load_rules
from config.settings import Settings
from devices.registry import UNKNOWN, Kind, Registry
from jingqiao.backtest.view import plain
from jingqiao.bridge_report.month import Month, month_of
from jingqiao.cli.bridge_modal import modal
from jingqiao.cli.dossier_options import (
    Instant,
    city_option,
    database_of,
    json_option,
    now,
    refuse,
    who_option,
)
from jingqiao.cli.output import fail_with, language, print_json, print_table

if TYPE_CHECKING:
    from devices.frame import Frame
    from ingest.log import Control
    from jingqiao.bridge_report.report import Told

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def group() -> None:
    """Bridges: the monthly report, natural frequencies, crossings of known weight, raw samples."""


group.add_command(modal)


@group.command()
@click.argument("asset_id")
@click.option("--month", "month_name", required=True, help="The month, as 2026-10.")
@click.option("--readings", type=_FILE, help="Readings (CSV, Parquet, JSON lines) instead of the archive.")
@click.option("--assets", type=_FILE, help="assets.csv of the readings.")
@click.option("--sensors", type=_FILE, help="sensors.csv of the readings.")
@click.option("--rules", "rules_path", type=_FILE, help="Rule set; by default the service's.")
@click.option("--maintenance", type=_FILE, help="CSV: asset_id, from, to, kind (permit|intervention), note.")
@click.option(
    "--history-days",
    type=click.FloatRange(min=0, max=1500),
    default=400.0,
    show_default=True,
    help="How far before the month the archive is read: the models must know what they knew.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The HTML file.")
@click.option("--pdf", "with_pdf", is_flag=True, help="Also print a PDF (needs chromium, Edge or Chrome).")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON instead of a page.")
@city_option
def report(
    asset_id: str,
    month_name: str,
    readings: Path | None,
    assets: Path | None,
    sensors: Path | None,
    rules_path: Path | None,
    maintenance: Path | None,
    history_days: float,
    output: Path | None,
    with_pdf: bool,
    as_json: bool,
    settings: Settings,
) -> None:
    """Write the report of one month of bridge ASSET_ID as one HTML file (and PDF)."""
    from jingqiao.bridge_report import report as reports  # noqa: PLC0415 - loads engine and templates
    from jingqiao.bridge_report.pdf import NoBrowserError, print_pdf  # noqa: PLC0415

    tongue = language()
    try:
        month = month_of(month_name, ZoneInfo(settings.timezone))
    except ValueError:
        raise click.UsageError(text("bridge_report.bad_month", tongue, value=month_name)) from None
    try:
        rule_file = rules_path or (settings.rules if readings is None else None)
        rules = load_rules(rule_file) if rule_file else RuleSet()
        if readings is not None:
            source = str(readings.name)
            registry, frame, controls, told = _of_file(
                asset_id, readings, assets, sensors, maintenance, tongue
            )
        else:
            source = settings.archive.kind
            registry, frame, controls, told = _of_archive(asset_id, settings, month, history_days, tongue)
    except FaultsError as error:
        fail_with(error)
    if len(frame) == 0 or int(frame.time[0]) >= month.until:
        refuse("bridge_report.no_readings", asset_id=asset_id, month=month.name)
    made = reports.make(
        registry,
        rules,
        frame,
        controls,
        month,
        made_at=now(),
        source=source,
        language=tongue,
        told=told,
    )
    if as_json:
        print_json(plain(made.figures))
        return
    target = output or Path(f"{asset_id}-{month.name}.html")
    try:
        target.write_text(reports.page(made), "utf-8")
    except OSError as error:
        refuse("assets.not_written", path=target, reason=error.strerror)
    click.echo(text("bridge_report.written", tongue, path=target))
    if with_pdf:
        pdf = target.with_suffix(".pdf")
        try:
            print_pdf(target, pdf)
        except NoBrowserError as error:
            refuse("bridge_report.no_browser", reason=error)
        click.echo(text("bridge_report.written", tongue, path=pdf))


Material = tuple[Registry, "Frame", "Sequence[Control]", "Told | None"]


def _of_file(
    asset_id: str,
    readings: Path,
    assets: Path | None,
    sensors: Path | None,
    maintenance: Path | None,
    tongue: Language,
) -> Material:
    """One bridge's part of a file of readings. Raises FaultsError."""
    from devices.strain import reduce_rows  # noqa: PLC0415
    from jingqiao.backtest.files import read_file  # noqa: PLC0415
    from jingqiao.backtest.made_up import registry_for  # noqa: PLC0415
    from jingqiao.backtest.maintenance import read_maintenance  # noqa: PLC0415
    from jingqiao.backtest.readings import bound, read_readings  # noqa: PLC0415
    from jingqiao.bridge_report.part import frame_of_part, part_of_asset  # noqa: PLC0415

    parsed = read_readings(read_file(readings, tongue), str(readings), tongue)
    registry = registry_for(parsed, assets, sensors, tongue)
    asset = bridge_of(registry, asset_id)
    parsed = bound(parsed, registry, str(readings), tongue)
    controls, unused = read_maintenance(maintenance, registry, tongue) if maintenance else ([], [])
    for fault in (*parsed.faults, *unused):
        click.echo(str(fault), err=True)
    part, rows = part_of_asset(registry, asset)
    frame = frame_of_part(parsed.frame, rows)
    if "strain_ue" in frame.columns:
        frame = reduce_rows(frame, 1.0)
    return part, frame, [c for c in controls if c.payload.get("asset_id") == asset_id], None


def _of_archive(
    asset_id: str, settings: Settings, month: Month, history_days: float, tongue: Language
) -> Material:
    """One bridge's part of the service's archive, and what people did. Raises FaultsError."""
    from jingqiao.archive.contract import ArchiveUnavailableError  # noqa: PLC0415
    from jingqiao.backtest.archived import read_archive  # noqa: PLC0415
    from jingqiao.bridge_report import people  # noqa: PLC0415
    from jingqiao.bridge_report.part import frame_of_part, part_of_asset  # noqa: PLC0415
    from jingqiao.bridge_report.source import archived_frame  # noqa: PLC0415
    from jingqiao.dossier.registry_store import load_registry  # noqa: PLC0415

    database = database_of(settings)
    registry = load_registry(database)
    asset = bridge_of(registry, asset_id)
    part, rows = part_of_asset(registry, asset)
    ids = [registry.sensor_id(int(row)) for row in rows]
    try:
        frame = archived_frame(
            lambda since, until: read_archive(settings, registry, since, until, ids),
            registry,
            month,
            history_days,
            tongue,
        )
    except ArchiveUnavailableError as error:
        refuse("bridge_report.archive_away", reason=error)
    controls, told = people.of(database, asset_id, ids, asset, month, tongue)
    return part, frame_of_part(frame, rows), controls, told


def bridge_of(registry: Registry, asset_id: str) -> int:
    """Row of a bridge that has sensors; exits where there is none."""
    asset = registry.asset_index(asset_id)
    if asset == UNKNOWN or registry.assets.kind[asset] != Kind.BRIDGE:
        refuse("bridge_report.no_bridge", asset_id=asset_id)
    if not np.any(registry.sensors.asset == asset):
        refuse("bridge_report.no_sensors", asset_id=asset_id)
    return asset


@group.command()
@click.argument("asset_id")
@click.option("--weight-t", type=click.FloatRange(min=1, max=500), required=True, help="Its weight [t].")
@click.option("--at", type=Instant(), required=True, help="When it crossed: RFC 3339 or local time.")
@click.option(
    "--within",
    type=click.FloatRange(min=5, max=600),
    default=60.0,
    show_default=True,
    help="Seconds before and after in which its peak lies.",
)
@click.option("--note", default="", help="The vehicle, lane, speed.")
@who_option
@json_option
@city_option
def calibrate(
    asset_id: str,
    weight_t: float,
    at: int,
    within: float,
    note: str,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Record that a vehicle of known weight crossed ASSET_ID: overload is then told as a weight, too."""
    from jingqiao.archive.contract import ArchiveUnavailableError  # noqa: PLC0415
    from jingqiao.backtest.archived import read_archive  # noqa: PLC0415
    from jingqiao.bridge_report import weighing  # noqa: PLC0415
    from jingqiao.bridge_report.source import frame_of  # noqa: PLC0415
    from jingqiao.dossier.registry_store import load_registry  # noqa: PLC0415

    tongue = language()
    database = database_of(settings)
    registry = load_registry(database)
    asset = bridge_of(registry, asset_id)
    ids = [registry.sensor_id(int(row)) for row in np.flatnonzero(registry.sensors.asset == asset)]
    around = round(within * 1e6)
    try:
        table = read_archive(settings, registry, at - around, at + around + 1, ids)
        frame = frame_of(table, registry, tongue)
        peaks = weighing.peaks_of(frame, registry, at - around, at + around)
        factors = weighing.record(
            database, asset_id, weight_t, peaks, at=at, recorded_at=now(), who=who, note=note
        )
    except ArchiveUnavailableError as error:
        refuse("bridge_report.archive_away", reason=error)
    except weighing.NoCrossingError:
        refuse("bridge_report.no_crossing", least=weighing.LEAST_PEAK_UE)
    if as_json:
        print_json({"asset_id": asset_id, "weight_t": weight_t, "peaks_ue": peaks, "gauges": factors})
        return
    columns = ("sensor_id", "peak_ue", "ue_per_t", "error", "passes")
    rows = [
        (sensor, peaks.get(sensor), f["ue_per_t"], f"± {100 * f['error']:.0f} %", f["passes"])
        for sensor, f in factors.items()
    ]
    print_table([text(f"bridge_report.weighing.{name}", tongue) for name in columns], rows)


@group.command()
@click.argument("asset_id")
@click.option("--at", type=Instant(), required=True, help="Of the event: RFC 3339 or local time.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1, max=3600),
    default=60.0,
    show_default=True,
    help="So long before and after it.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CSV file."
)
@city_option
def raw(asset_id: str, at: int, seconds: float, output: Path, settings: Settings) -> None:
    """Write raw strain and acceleration of ASSET_ID around an event as CSV for `jingqiao backtest`."""
    from jingqiao.archive.contract import ArchiveUnavailableError  # noqa: PLC0415
    from jingqiao.backtest.archived import read_blocks  # noqa: PLC0415
    from jingqiao.bridge_report.raw import LONGEST_BLOCK_US, write_samples  # noqa: PLC0415
    from jingqiao.dossier.registry_store import load_registry  # noqa: PLC0415

    registry = load_registry(database_of(settings))
    asset = bridge_of(registry, asset_id)
    ids = [registry.sensor_id(int(row)) for row in np.flatnonzero(registry.sensors.asset == asset)]
    around = round(seconds * 1e6)
    try:
        table = read_blocks(settings, registry, at - around - LONGEST_BLOCK_US, at + around, ids)
        samples = write_samples(table, at - around, at + around, output)
    except ArchiveUnavailableError as error:
        refuse("bridge_report.archive_away", reason=error)
    except OSError as error:
        refuse("assets.not_written", path=output, reason=error.strerror)
    if samples == 0:
        output.unlink(missing_ok=True)
        refuse("bridge_report.no_raw")
    click.echo(text("bridge_report.raw_written", language(), path=output, samples=samples))
