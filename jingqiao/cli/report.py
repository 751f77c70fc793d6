"""`jingqiao report`: the daily and the weekly report on a terminal, as CSV or JSON."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from config.messages import text
from config.settings import Settings
from jingqiao.cli.dossier_options import city_option, database_of, json_option, now, refuse
from jingqiao.cli.output import language, print_json, print_table
from jingqiao.cli.settings_option import roster_or_exit
from jingqiao.database import reading
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.reports.report import report as report_of
from jingqiao.reports.span import PERIODS, Period, latest_whole, span_of
from jingqiao.reports.telling import as_json as report_json
from jingqiao.reports.telling import csv_text, incident_rows


@click.command()
@click.argument("period", type=click.Choice(PERIODS))
@click.option("--day", default=None, help="A day of it (2026-05-31); by default the newest that is over.")
@click.option(
    "--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write incidents here."
)
@json_option
@city_option
def report(period: Period, day: str | None, csv_path: Path | None, as_json: bool, settings: Settings) -> None:
    """What rang in a day or week, how fast it was seen to, and what rings again and again."""
    zone, moment, spoken = ZoneInfo(settings.timezone), now(), language()
    chosen = latest_whole(period, moment, zone) if day is None else _day(day)
    roster = None if settings.roster is None else roster_or_exit(settings, "")
    deadlines = deadlines_by(roster)
    with reading(database_of(settings)) as connection:
        found = report_of(connection, span_of(period, chosen, zone), moment, deadlines)
    if csv_path is not None:
        rows = incident_rows(found, deadlines, moment, zone, spoken)
        try:
            csv_path.write_text("".join(csv_text(rows)), "utf-8", newline="")
        except OSError as error:
            refuse("assets.not_written", path=csv_path, reason=error.strerror)
    if as_json:
        print_json(report_json(found))
        return
    days = f"{found.span.first}" + (f" – {found.span.last}" if found.span.last != found.span.first else "")
    click.echo(f"{text(f'reports.title.{period}', spoken)} {days}")
    figures = report_json(found)
    for name in ("opened", "carried", "finished", "open_at_end", "false_alarms"):
        click.echo(f"  {text(f'reports.figure.{name}', spoken)}: {figures[name]}")
    click.echo(f"  {text('reports.figure.late', spoken)}: {len(found.late)}")
    colours = ("red", "orange", "yellow", "blue")
    print_table(
        [text("reports.column.hazard", spoken), *(text(f"notify.severity.{c}", spoken) for c in colours)],
        [
            [text(f"notify.hazard.{hazard}", spoken), *(counts.get(c, 0) for c in colours)]
            for hazard, counts in found.by_hazard.items()
        ],
    )
    names = ("stage", "reached", "median", "p90", "in_time", "late", "waiting")
    print_table(
        [text(f"reports.column.{name}", spoken) for name in names],
        [
            [
                text(f"reports.stage.{s.stage}", spoken),
                s.reached,
                _minutes(s.median_min),
                _minutes(s.p90_min),
                s.in_time,
                s.late,
                s.waiting,
            ]
            for s in found.stages
        ],
    )
    if found.again:
        click.echo(text("reports.again", spoken))
        print_table(
            [text(f"reports.column.{name}", spoken) for name in ("asset_id", "name", "road", "count")],
            [[item.asset_id, item.name, item.road, item.count] for item in found.again],
        )


def _day(told: str) -> date:
    try:
        return datetime.strptime(told, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise click.UsageError(f"--day: {told!r} is no day; write 2026-05-31") from None


def _minutes(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
