"""`jingqiao backtest`: the same engine over a file or the archive, no server."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from config.faults import Fault, FaultsError
from config.messages import Language, text
from config.roster import load_roster
from config.rules import RuleSet, load_rules
from devices.import_csv import read_registry
from devices.registry import Registry
from ingest.log import Control
from jingqiao.backtest.cells import times
from jingqiao.backtest.compare import compare
from jingqiao.backtest.files import Sheet, read_file
from jingqiao.backtest.made_up import registry_for
from jingqiao.backtest.maintenance import read_maintenance
from jingqiao.backtest.readings import Readings, bound, read_readings
from jingqiao.backtest.run import Result
from jingqiao.backtest.run import backtest as run_backtest
from jingqiao.backtest.told import messages
from jingqiao.backtest.view import as_json as change_as_json
from jingqiao.backtest.view import as_lines, by_event_time
from jingqiao.cli.output import fail_with, language, print_json
from rules.alarm import AlarmChange

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("readings", required=False, type=_FILE)
@click.option("--assets", type=_FILE, help="assets.csv; without it, assets are those that sensors.csv names.")
@click.option("--sensors", type=_FILE, help="sensors.csv; without it, sensors are those of the readings.")
@click.option("--rules", type=_FILE, help="Rule set (TOML); the shipped limits where not said.")
@click.option("--compare", "other_rules", type=_FILE, help="A second rule set to compare the first with.")
@click.option(
    "--roster", "roster_path", type=_FILE, help="With --compare: who would have been told how often."
)
@click.option("--maintenance", type=_FILE, help="CSV: asset_id, from, to, kind (permit|intervention), note.")
@click.option("--from", "since", help="Read the archive from this time on (RFC 3339) instead of a file.")
@click.option("--to", "until", help="Read the archive up to this time.")
@click.option("-c", "--config", "settings_path", type=_FILE, help="jingqiao.toml, for the archive.")
@click.option("--block-seconds", default=1.0, show_default=True, help="Block of fast strain.")
@click.option("--muted", "only_muted", is_flag=True, help="Print instead what --maintenance kept back.")
@click.option("--zone", "zone_name", help="Zone of times that name none, e.g. Asia/Shanghai.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest(
    readings: Path | None,
    assets: Path | None,
    sensors: Path | None,
    rules: Path | None,
    other_rules: Path | None,
    roster_path: Path | None,
    maintenance: Path | None,
    since: str | None,
    until: str | None,
    settings_path: Path | None,
    block_seconds: float,
    only_muted: bool,
    zone_name: str | None,
    as_json: bool,
) -> None:
    """Judge READINGS (CSV, Parquet, JSON lines) and print every alarm that would have rung.

    What announced work (--maintenance) keeps back would not have rung and is counted apart.
    Bad rows are named on standard error and the rest is used; exit code 1 when nothing is usable.
    """
    if (readings is None) == (since is None):
        raise click.UsageError("name a file of READINGS, or --from (and --to) for the archive")
    if not 0.01 <= block_seconds <= 3600:
        raise click.UsageError("--block-seconds must be between 0.01 and 3600")
    if only_muted and (maintenance is None or other_rules is not None):
        raise click.UsageError("--muted needs --maintenance, and goes without --compare")
    if roster_path is not None and other_rules is None:
        raise click.UsageError("--roster goes with --compare")
    zone = _zone(zone_name)
    tongue = language()
    begun = time.monotonic()
    try:
        roster = load_roster(roster_path) if roster_path else None
        rule_sets = [load_rules(path) if path else RuleSet() for path in (rules, *_some(other_rules))]
        if readings is None:
            file = str(settings_path)
            registry, parsed = _archive(settings_path, since, until, assets, sensors, tongue)
        else:
            file = str(readings)
            parsed = read_readings(read_file(readings, tongue), file, tongue, zone)
            registry = registry_for(parsed, assets, sensors, tongue)
        parsed = bound(parsed, registry, file, tongue)
        controls, unused = read_maintenance(maintenance, registry, tongue) if maintenance else ([], [])
        for fault in unused:
            click.echo(str(fault), err=True)
        _tell_faults(parsed, file, tongue)
        results = [_run(registry, rules, parsed, controls, block_seconds) for rules in rule_sets]
    except FaultsError as error:
        fail_with(error)
    _tell_defects(results, tongue)
    muted = [item.change for item in results[0].muted]
    told = [by_event_time(muted if only_muted else result.changes) for result in results]
    if other_rules is not None:
        first, second = (messages(changes, registry, roster) for changes in told)
        print_json({**compare(*told), "messages": {"first": first, "second": second}})
    elif as_json:
        print_json([change_as_json(change, tongue) for change in told[0]])
    else:
        _show(told[0], tongue, ZoneInfo(rule_sets[0].timezone))
        seconds = time.monotonic() - begun
        rows = results[0].rows
        click.echo(
            text("backtest.show.rows", tongue, rows=rows, seconds=seconds, rate=rows / seconds), err=True
        )
        if muted:
            click.echo(text("backtest.show.muted", tongue, count=len(muted)), err=True)


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.UsageError(f"--zone {name!r} is no zone; write one like Asia/Shanghai") from None


def _archive(
    settings_path: Path | None,
    since: str | None,
    until: str | None,
    assets: Path | None,
    sensors: Path | None,
    tongue: Language,
) -> tuple[Registry, Readings]:
    """Registry and readings of the service whose settings are named."""
    from config.settings import load_settings  # noqa: PLC0415 - a backtest of files needs no service
    from jingqiao.archive.contract import ArchiveUnavailableError  # noqa: PLC0415
    from jingqiao.backtest.archived import read_archive  # noqa: PLC0415

    if settings_path is None:
        raise click.UsageError("--from needs -c jingqiao.toml")
    settings = load_settings(settings_path)
    assets, sensors = assets or settings.registry.assets, sensors or settings.registry.sensors
    if assets is None or sensors is None:
        raise click.UsageError("name --assets and --sensors")
    registry = read_registry(assets, sensors, language=tongue)
    try:
        table = read_archive(settings, registry, _moment("--from", since), _moment("--to", until))
    except ArchiveUnavailableError as error:
        raise click.ClickException(str(error)) from None
    sheet = Sheet(table, lambda: np.arange(1, table.num_rows + 1, dtype=np.int64))
    return registry, read_readings(sheet, str(settings_path), tongue)


def _moment(option: str, told: str | None) -> int | None:
    if told is None:
        return None
    import pyarrow as pa  # noqa: PLC0415 - loaded by the readers anyway

    value, bad = times(pa.array([told]))
    if bad[0]:
        raise click.UsageError(f"{option}: {told!r} is no RFC 3339 time with a zone")
    return int(value[0])


def _tell_faults(parsed: Readings, file: str, tongue: Language) -> None:
    """Name what is not used; raise when nothing is left."""
    if parsed.ignored:
        click.echo(text("backtest.show.ignored", tongue, names=", ".join(parsed.ignored)), err=True)
    if parsed.zoneless:
        click.echo(text("backtest.show.zoneless", tongue, names=", ".join(parsed.zoneless)), err=True)
    if len(parsed.frame) == 0:
        unused = Fault(
            file, None, "", text("backtest.bad.unused", tongue), text("backtest.remedy.unused", tongue)
        )
        raise FaultsError([*parsed.faults, unused])
    for fault in parsed.faults:
        click.echo(str(fault), err=True)


def _tell_defects(results: Sequence[Result], tongue: Language) -> None:
    """Name what the rules could not judge."""
    for result in results:
        if result.fault_count:
            what = result.faults[-1]
            message = f"{what.detector} {what.sensor_id} {what.error}"
            click.echo(
                text("backtest.show.faults", tongue, count=result.fault_count, error=message), err=True
            )


def _run(
    registry: Registry, rules: RuleSet, parsed: Readings, controls: Sequence[Control], block_s: float
) -> Result:
    if not sys.stderr.isatty():
        return run_backtest(registry, rules, parsed.frame, controls, block_s=block_s)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text("backtest.show.progress", language()), total=len(parsed.frame))
        return run_backtest(
            registry,
            rules,
            parsed.frame,
            controls,
            progress=lambda rows: bar.update(task, advance=rows),
            block_s=block_s,
        )


def _show(changes: Sequence[AlarmChange], tongue: Language, zone: ZoneInfo) -> None:
    for change in changes:
        click.echo(as_lines(change, tongue, zone))
    if not changes:
        click.echo(text("backtest.show.nothing", tongue))


def _some(path: Path | None) -> list[Path]:
    return [] if path is None else [path]
