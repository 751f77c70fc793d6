"""`jingqiao score`: alarms against a simulator's truth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from config.messages import Language, catalogue, text
from jingqiao.cli.output import CHECK_FAILED, language, print_json, print_table
from simulator import truth
from simulator.score import alarms_of
from simulator.score import score as score_alarms
from simulator.score_summary import summary

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--truth", "truth_file", type=_FILE, required=True, help="truth.jsonl of `simulate`.")
@click.option(
    "--alarms", "alarm_file", type=_FILE, required=True, help="`backtest --json` or `incidents list --json`."
)
@click.option(
    "--lid-years", type=click.FloatRange(min=0, min_open=True), help="Exposure, if no scenario.json says."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def score(truth_file: Path, alarm_file: Path, lid_years: float | None, as_json: bool) -> None:
    """Recall, precision, delay and false alarms, by hazard and by how suddenly it came."""
    lang = language()
    try:
        events = truth.read(truth_file)
    except ValueError as error:
        _refuse(truth_file, error)
    try:
        rows = json.loads(alarm_file.read_text("utf-8"))
        if not isinstance(rows, list):
            raise ValueError("not an array; give what `backtest --json` or `incidents list --json` prints")
        alarms = alarms_of(rows)
    except ValueError as error:
        _refuse(alarm_file, error)
    years = lid_years or _exposure(truth_file.parent / "scenario.json")
    told = summary(score_alarms(events, alarms, years))
    if as_json:
        print_json(told)
        return
    heads = ("hazard", "onset", "found", "median", "p90", "ahead")
    print_table(
        [text(f"simulator.head_{name}", lang) for name in heads],
        [
            (
                *_named(name, lang),
                _share(part),
                _span(part["delay_median_s"]),
                _span(part["delay_p90_s"]),
                _span(part["ahead_of_limit_median_s"]),
            )
            for name, part in told["by_hazard_and_onset"].items()
        ],
    )
    for name in ("false_alarms", "false_paging_alarms"):
        values = {key: _rounded(value) for key, value in told[name].items()}
        click.echo(text(f"simulator.{name}", lang, **values))
    precision, recall = (_percent(told[name]) for name in ("precision", "recall"))
    click.echo(text("simulator.precision", lang, precision=precision, recall=recall))


def _named(hazard_and_onset: str, lang: Language) -> tuple[str, str]:
    """`missing/sudden` in the reader's words; what the catalogue lacks is shown as it is."""
    hazard, _, onset = hazard_and_onset.partition("/")
    words = catalogue(lang)
    return words.get(f"notify.hazard.{hazard}", hazard), words.get(f"simulator.onset.{onset}", onset)


def _share(part: Mapping[str, Any]) -> str:
    found = f"{part['found']} / {part['required']}"
    return found if part["recall"] is None else f"{found} {_percent(part['recall'])}"


def _percent(share: float | None) -> str:
    """To a tenth, never rounded up to all."""
    return "–" if share is None else f"{math.floor(share * 1000) / 10:g}%"


def _rounded(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _exposure(path: Path) -> float:
    """Lid-years from the file that `simulate --out` leaves beside the truth; NaN without it."""
    try:
        return float(json.loads(path.read_text("utf-8"))["lid_years"])
    except (OSError, ValueError, KeyError, TypeError):
        return math.nan


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _refuse(path: Path, error: Exception) -> NoReturn:
    click.echo(text("simulator.unreadable", language(), file=str(path), error=str(error)), err=True)
    raise SystemExit(CHECK_FAILED)
