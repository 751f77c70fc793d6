"""`jingqiao bridge modal`: natural frequencies of a bridge, out of its raw acceleration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from config.faults import FaultsError
from config.messages import Language, text
from config.rules import RuleSet, load_rules
from config.settings import Settings
from jingqiao.cli.dossier_options import Instant, city_option, database_of, json_option, now, refuse
from jingqiao.cli.output import CHECK_FAILED, fail_with, language, print_json, print_table
from jingqiao.incidents.view import rfc3339
from jingqiao.modal.child import apart, installed

if TYPE_CHECKING:
    from jingqiao.modal.observation import Observation
    from jingqiao.modal.survey import Sensors

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("asset_id")
@click.option("--from", "since", type=Instant(), help="First time; by default all that is known.")
@click.option("--to", "until", type=Instant(), help="Time that is no longer wanted; by default now.")
@click.option("--readings", type=_FILE, help="Rows of acceleration_g (CSV, Parquet) instead of the archive.")
@click.option("--sensors", type=_FILE, help="sensors.csv of the readings; without it all sensors count.")
@json_option
@city_option
def modal(
    asset_id: str,
    since: int | None,
    until: int | None,
    readings: Path | None,
    sensors: Path | None,
    as_json: bool,
    settings: Settings,
) -> None:
    """Natural frequencies of bridge ASSET_ID, temperature removed: an indicator of its stiffness.

    Analyses the hours of raw acceleration that were not analysed yet, and keeps what it finds. Needs pyOMA-2.
    """
    from jingqiao.modal.summary import summary_of  # noqa: PLC0415 - with scipy

    tongue = language()
    if since is not None and until is not None and since >= until:
        raise click.UsageError(text("modal.wrong_order", tongue))
    works: list[tuple[int, int]] = []
    try:
        rules = load_rules(settings.rules) if settings.rules else RuleSet()
        if readings is not None:
            found = _of_file(asset_id, readings, sensors, since, until, tongue)
        else:
            found, works = _of_archive(asset_id, settings, since, until, tongue)
    except FaultsError as error:
        fail_with(error)
    at = None if readings is not None else min(until or now(), now())
    figures = summary_of(asset_id, found, works, rules.bridge.level.labels, at)
    if as_json:
        print_json(_with_times(figures))
    else:
        _show(figures, tongue)
    if not figures["hours"]:
        raise SystemExit(CHECK_FAILED)


def _of_file(
    asset_id: str, path: Path, sensors: Path | None, since: int | None, until: int | None, tongue: Language
) -> list[Observation]:
    """Observations of a file of rows. Raises FaultsError."""
    from jingqiao.backtest.files import read_file  # noqa: PLC0415
    from jingqiao.backtest.made_up import registry_for  # noqa: PLC0415
    from jingqiao.backtest.readings import read_readings  # noqa: PLC0415
    from jingqiao.modal.measured import blocks_of, part, readings_of  # noqa: PLC0415
    from jingqiao.modal.observation import HOUR_US  # noqa: PLC0415
    from jingqiao.modal.survey import Sensors, sensors_of, survey  # noqa: PLC0415

    _must_be_installed()
    parsed = read_readings(read_file(path, tongue), str(path), tongue)
    for fault in parsed.faults:
        click.echo(str(fault), err=True)
    blocks, warm = blocks_of(parsed.frame, parsed.ids), readings_of(parsed.frame, parsed.ids)
    if sensors is not None:
        registry = registry_for(parsed, None, sensors, tongue)
        asset = registry.asset_index(asset_id)
        if asset < 0:
            refuse("bridge_report.no_bridge", asset_id=asset_id)
        chosen = sensors_of(registry, asset)
    else:
        shaken = sorted(set(blocks["sensor_id"].to_pylist()))
        still = sorted(set(warm["sensor_id"].to_pylist()) - set(shaken))
        chosen = Sensors(tuple(shaken), tuple(still or shaken))
    _must_be_enough(asset_id, chosen)
    starts = blocks["start"].cast("int64").to_pylist()
    hours = sorted({start // HOUR_US * HOUR_US for start in starts})
    wanted = [hour for hour in hours if (since or 0) < hour + HOUR_US and (until is None or hour < until)]
    with apart() as identify:
        return _counted(
            survey(
                lambda a, b, ids: part(blocks, "start", a, b, ids),
                lambda a, b, ids: part(warm, "t", a, b, ids),
                chosen,
                wanted,
                identify,
            ),
            tongue,
        )


def _of_archive(
    asset_id: str, settings: Settings, since: int | None, until: int | None, tongue: Language
) -> tuple[list[Observation], list[tuple[int, int]]]:
    """Observations kept in the database, after what the archive still has was analysed."""
    from jingqiao.archive.contract import ArchiveUnavailableError  # noqa: PLC0415
    from jingqiao.backtest.archived import read_archive, read_block_hours, read_blocks  # noqa: PLC0415
    from jingqiao.cli.bridge import bridge_of  # noqa: PLC0415
    from jingqiao.dossier.registry_store import load_registry  # noqa: PLC0415
    from jingqiao.modal.keeper import raw_since  # noqa: PLC0415
    from jingqiao.modal.observation import hours_known, keep, kept  # noqa: PLC0415
    from jingqiao.modal.survey import SETTLED_US, due, sensors_of, survey  # noqa: PLC0415
    from jingqiao.modal.works import works_on  # noqa: PLC0415

    database = database_of(settings)
    registry = load_registry(database)
    sensors = sensors_of(registry, bridge_of(registry, asset_id))
    before = kept(database, asset_id, since or 0, until)
    if not before:
        _must_be_installed()
        _must_be_enough(asset_id, sensors)
    elif not installed():
        click.echo(text("modal.not_installed_kept", tongue, python=sys.executable), err=True)
        return before, works_on(database, asset_id, before)
    first = max(since or 0, raw_since(settings, now()))
    last = min(until if until is not None else now(), now() - SETTLED_US)
    try:
        there = read_block_hours(settings, registry, first, last, sensors.accelerometers)
        wanted = due(there, hours_known(database, asset_id, first, last), last)
        if wanted:
            with apart() as identify:
                fresh = survey(
                    lambda a, b, ids: read_blocks(settings, registry, a, b, ids),
                    lambda a, b, ids: read_archive(settings, registry, a, b, ids),
                    sensors,
                    wanted,
                    identify,
                )
                _counted(fresh, tongue, lambda one: keep(database, asset_id, [one]))
    except ArchiveUnavailableError as error:
        refuse("bridge_report.archive_away", reason=error)
    found = kept(database, asset_id, since or 0, until)
    if not found:
        refuse("modal.no_blocks", asset_id=asset_id)
    return found, works_on(database, asset_id, found)


def _counted(
    fresh: Iterator[Observation], tongue: Language, take: Callable[[Observation], None] = lambda _: None
) -> list[Observation]:
    """All of them, with a word on standard error while they are found."""
    found: list[Observation] = []
    with Console(stderr=True).status(text("modal.progress", tongue, done=0)) as status:
        for one in fresh:
            take(one)
            found.append(one)
            status.update(text("modal.progress", tongue, done=len(found)))
    return found


def _must_be_installed() -> None:
    if not installed():
        refuse("modal.not_installed", python=sys.executable)


def _must_be_enough(asset_id: str, sensors: Sensors) -> None:
    from jingqiao.modal.window import LEAST_CHANNELS  # noqa: PLC0415

    count = len(sensors.accelerometers)
    if count < LEAST_CHANNELS:
        refuse("modal.too_few", asset_id=asset_id, count=count, least=LEAST_CHANNELS)


def _show(figures: Mapping[str, Any], tongue: Language) -> None:
    """A table of the modes, then what they mean."""
    from jingqiao.modal.summary import advice, sentences, state_of  # noqa: PLC0415

    said = sentences(figures, tongue)
    if not figures["hours"]:
        click.echo("\n".join(said), err=True)
        return
    if figures["modes"]:
        names = ("mode", "frequency", "damping", "seen", "days", "per_degree", "change_short", "state")
        rows = [_row(mode, state_of(mode, tongue)) for mode in figures["modes"]]
        print_table([text(f"modal.column.{name}", tongue) for name in names], rows)
    for line in said:
        click.echo(line)
    wanted = advice(figures, tongue)
    if wanted:
        click.echo(wanted)


def _with_times(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Times as RFC 3339, days as dates."""

    def mode(row: Mapping[str, Any]) -> dict[str, Any]:
        daily = [{**day, "day": str(rfc3339(day["day"]))[:10]} for day in row["daily"]]
        return {**row, "found_since": _date(row["found_since"]), "daily": daily}

    times = {name: rfc3339(figures[name]) for name in ("from", "to", "begun_anew_at")}
    return {**figures, **times, "modes": [mode(row) for row in figures["modes"]]}


def _date(at: int | None) -> str | None:
    return None if at is None else str(rfc3339(at))[:10]


def _row(mode: Mapping[str, Any], state: str) -> Sequence[object]:
    degree, change = mode["percent_per_degree"], mode["change_percent"]
    return (
        mode["mode"],
        f"{mode['frequency_hz']:.3f} ± {2 * mode['deviation_hz']:.3f}",
        f"{mode['damping_percent']:.1f}",
        mode["seen_percent"],
        mode["days"],
        "–" if degree is None else f"{degree:+.2f}",
        "–" if change is None else f"{change:+.2f} ± {2 * mode['change_error_percent']:.2f}",
        state,
    )
