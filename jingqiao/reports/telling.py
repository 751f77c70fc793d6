"""A report as rows for CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.messages import Language, text
from devices.registry import Registry
from devices.sheet_text import harmless
from jingqiao.dossier.plain import asset_cell
from jingqiao.incidents.deadlines import Deadlines
from jingqiao.incidents.view import reason_text
from jingqiao.reports.report import Report

COLUMNS: Final = (
    "id",
    "asset_id",
    "name",
    "district",
    "road",
    "hazard",
    "severity",
    "state",
    "opened_at",
    "acknowledged_at",
    "dispatched_at",
    "on_site_at",
    "resolved_at",
    "finished_at",
    "assignee",
    "late",
    "reason",
)
ASSET_COLUMNS: Final = (
    "asset_id",
    "name",
    "category",
    "district",
    "road",
    "owner",
    "maintainer",
    "lon",
    "lat",
    "installed_on",
    "status",
)
BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the machine's old encoding."""


def incident_rows(
    report: Report, deadlines: Deadlines, now: int, zone: ZoneInfo, language: Language
) -> Iterator[Sequence[Any]]:
    """The head and a row an incident, times in the office's zone."""
    yield [text(f"reports.column.{name}", language) for name in COLUMNS]
    for item in report.opened:
        late = [
            text(f"reports.stage.{deadline.stage}", language)
            for deadline in deadlines(item)
            if deadline.overdue(now)
        ]
        words = {
            "hazard": text(f"notify.hazard.{item.hazard}", language),
            "severity": text(f"notify.severity.{item.severity.colour}", language),
            "state": text(f"notify.state.{item.state}", language),
            "late": " ".join(late),
            "reason": reason_text(item, language),
        }
        yield [words[name] if name in words else _cell(getattr(item, name), name, zone) for name in COLUMNS]


def asset_rows(registry: Registry, rows: Iterable[int], language: Language) -> Iterator[Sequence[Any]]:
    """The head and a row an asset: a list of hidden dangers to be worked through."""
    yield [text(f"reports.column.{name}", language) for name in ASSET_COLUMNS]
    for row in rows:
        yield [asset_cell(registry.assets, name, row) for name in ASSET_COLUMNS]


def csv_text(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """CSV as Excel reads it, some hundred rows at a time. A cell that a sheet would take for a formula begins
    with an apostrophe: names come from other people's files."""
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer)
    for number, row in enumerate(rows, 1):
        writer.writerow([harmless(cell) for cell in row])
        if number % 500 == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_json(report: Report) -> dict[str, Any]:
    """JSON-ready, without the incidents themselves."""
    return {
        "first": report.span.first.isoformat(),
        "last": report.span.last.isoformat(),
        "opened": len(report.opened),
        "carried": report.carried,
        "finished": report.finished,
        "open_at_end": report.open_at_end,
        "false_alarms": report.false_alarms,
        "by_hazard": {hazard: dict(counts) for hazard, counts in report.by_hazard.items()},
        "by_district": dict(report.by_district),
        "stages": [asdict(stage) for stage in report.stages],
        "late": [
            {"incident": late.incident.id, "stage": late.deadline.stage, "due_at": late.deadline.due_at}
            for late in report.late
        ],
        "again": [{**asdict(item), "hazards": dict(item.hazards)} for item in report.again],
    }


def _cell(value: Any, name: str, zone: ZoneInfo) -> Any:
    if value is None:
        return ""
    if name.endswith("_at"):
        return f"{datetime.fromtimestamp(value / 1e6, zone):%Y-%m-%d %H:%M:%S}"
    return value
