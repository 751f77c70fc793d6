"""`jingqiao rules`: test them, compare two sets, and ask why a lid rings or does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from config.faults import FaultsError
from config.messages import Language, text
from config.rules import RuleSet, load_rules
from config.settings import load_settings
from jingqiao.backtest.view import plain
from jingqiao.cli.explain_sheet import Sheet
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, fail_with, language, print_json, print_table
from jingqiao.cli.settings_option import database_or_exit
from jingqiao.database import reading
from jingqiao.rule_tests import Outcome, run_file

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def rules() -> None:
    """The rules: test, compare, explain."""


@rules.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--rules", "rules_path", type=_FILE, help="Rule set (TOML); the shipped one where not said.")
@_json
def test(files: tuple[Path, ...], rules_path: Path | None, as_json: bool) -> None:
    """Run rule tests (YAML). Exit code 1 when one fails."""
    try:
        base = load_rules(rules_path) if rules_path else None
        outcomes = [outcome for path in files for outcome in run_file(path, base)]
    except FaultsError as error:
        fail_with(error)
    tongue = language()
    if as_json:
        print_json([_outcome_json(outcome) for outcome in outcomes])
    else:
        for outcome in outcomes:
            _show_outcome(outcome, tongue)
    if any(outcome.differences for outcome in outcomes):
        raise SystemExit(CHECK_FAILED)


@rules.command()
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
@_json
def diff(first: Path, second: Path, as_json: bool) -> None:
    """What differs between two rule sets, defaults included."""
    try:
        one, two = (_checked(path) for path in (first, second))
    except FaultsError as error:
        fail_with(error)
    rows = differences(one, two)
    if as_json:
        print_json({"first": one.version(), "second": two.version(), "differences": rows})
    else:
        heads = tuple(text(f"rules_cli.diff.{name}", language()) for name in ("key", "first", "second"))
        print_table(heads, [(r["key"], r["first"], r["second"]) for r in rows])


def _checked(path: Path) -> RuleSet:
    """The file's rule set, its overrides judged too. Raises FaultsError."""
    from rules.thresholds import check  # noqa: PLC0415 - numpy and pyarrow take their time

    loaded = load_rules(path)
    if faults := check(loaded):
        raise FaultsError([replace(fault, file=str(path)) for fault in faults])
    return loaded


@rules.command()
@click.argument("asset")
@click.option(
    "-c",
    "--config",
    "settings_path",
    type=_FILE,
    envvar="JINGQIAO_CONFIG",
    help="Settings file of the service; by default ./jingqiao.toml where there is one.",
)
@click.option("--snapshot", "snapshot_path", type=_FILE, help="A snapshot of the engine, with the registry:")
@click.option("--assets", type=_FILE, help="assets.csv of the snapshot.")
@click.option("--sensors", type=_FILE, help="sensors.csv of the snapshot.")
@_json
def explain(
    asset: str,
    settings_path: Path | None,
    snapshot_path: Path | None,
    assets: Path | None,
    sensors: Path | None,
    as_json: bool,
) -> None:
    """Why ASSET (or one sensor) rings or does not: baseline, conditions, limits, holds, windows."""
    from jingqiao.dossier.history import found_late  # noqa: PLC0415 - loads pyarrow
    from jingqiao.explaining import ExplainError, explain_asset, told_sensor  # noqa: PLC0415 - loads numpy and the rules

    if settings_path is None and snapshot_path is None and Path("jingqiao.toml").exists():
        settings_path = Path("jingqiao.toml")
    try:
        answer = explain_asset(asset, settings_path, snapshot_path, assets, sensors)
    except FaultsError as error:
        fail_with(error)
    except ExplainError as error:
        click.echo(text(error.key, language(), **error.values), err=True)
        raise SystemExit(WRONG_USE) from None
    tongue = language()
    late: list[dict[str, Any]] = []
    zone = None
    if settings_path is not None and snapshot_path is None:
        settings = load_settings(settings_path)
        zone = ZoneInfo(settings.timezone)
        with reading(database_or_exit(settings)) as connection:
            late = found_late(connection, {sensor["asset_id"] for sensor in answer}, tongue)
    told = [told_sensor(sensor, tongue, late) for sensor in answer]
    if as_json:
        print_json(plain(told))
    else:
        sheet = Sheet(tongue, zone)
        for sensor in told:
            sheet.sensor(sensor)


def differences(one: RuleSet, two: RuleSet) -> list[dict[str, Any]]:
    """Rows {key, first, second} of all keys whose values differ; None where one has no such key."""
    first, second = _flat(one.model_dump(mode="json")), _flat(two.model_dump(mode="json"))
    keys = sorted({*first, *second})
    return [
        {"key": key, "first": first.get(key), "second": second.get(key)}
        for key in keys
        if first.get(key) != second.get(key)
    ]


def _flat(document: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(document, Mapping) and document:
        parts = document.items()
    elif isinstance(document, list) and document and isinstance(document[0], Mapping):
        parts = ((str(i), item) for i, item in enumerate(document))  # type: ignore[assignment]
    else:
        return {prefix: document}
    return {k: v for key, value in parts for k, v in _flat(value, f"{prefix}.{key}".lstrip(".")).items()}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "file": outcome.file,
        "name": outcome.name,
        "passed": not outcome.differences,
        "differences": [
            {"at": d.at, "missing": list(d.missing), "unexpected": list(d.unexpected)}
            for d in outcome.differences
        ],
        "told": list(outcome.told),
    }


def _show_outcome(outcome: Outcome, tongue: Language) -> None:
    if not outcome.differences:
        click.echo(text("rules_cli.passed", tongue, name=outcome.name))
        return
    click.echo(text("rules_cli.failed", tongue, name=outcome.name, file=outcome.file))
    for difference in outcome.differences:
        click.echo(text("rules_cli.at", tongue, at=difference.at))
        for line in difference.missing:
            click.echo(f"    - {line}")
        for line in difference.unexpected:
            click.echo(f"    + {line}")
    click.echo(text("rules_cli.told", tongue))
    for line in outcome.told or ("–",):
        click.echo(f"    {line}")
