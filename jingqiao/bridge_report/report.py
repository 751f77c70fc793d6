"""A month of one bridge: figures, conclusions, plots, and the page that shows them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from config.messages import Language, catalogue, text
from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry, Role
from ingest.log import Control
from jingqiao import __version__
from jingqiao.backtest.view import as_json
from jingqiao.bridge_report import summary
from jingqiao.bridge_report.conclusions import conclusions
from jingqiao.bridge_report.course import Course, replay
from jingqiao.bridge_report.month import Month
from jingqiao.modal.child import installed
from jingqiao.modal.observation import Observation
from jingqiao.modal.window import LEAST_CHANNELS

ASSET_FACTS = ("name", "category", "district", "road", "owner", "maintainer", "material", "load_class")
EVENT_CELLS = (
    "hazard",
    "severity",
    "state",
    "reason",
    "sensor_ids",
    "value",
    "limit",
    "unit",
    "provisional",
)


@dataclass(frozen=True, slots=True)
class Report:
    """figures : JSON-ready. course, frame : what the plots are drawn from."""

    figures: dict[str, Any]
    course: Course
    frame: Frame
    month: Month
    language: Language


@dataclass(frozen=True, slots=True)
class Told:
    """What people did, from the service's database; empty for a report from a file.

    incidents : rows of `jingqiao incidents list --json`. entries : dossier entries {at, what, who, note}.
    hours : what the bridge's acceleration showed, up to the month's end. works : (from, to) of interventions.
    """

    incidents: Sequence[Mapping[str, Any]] = ()
    entries: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    hours: Sequence[Observation] = ()
    works: Sequence[tuple[int, int]] = ()


def make(
    registry: Registry,
    rules: RuleSet,
    frame: Frame,
    controls: Sequence[Control],
    month: Month,
    *,
    made_at: int,
    source: str,
    language: Language,
    told: Told | None = None,
) -> Report:
    """Replay the month and sum it up. registry, frame : of one asset (`part.part_of_asset`)."""
    told = told or Told()
    course = replay(registry, rules, frame, controls, month)
    frame = frame.take(frame.time < month.until)
    figures: dict[str, Any] = {
        "asset": {"asset_id": registry.asset_id(0)}
        | {name: registry.assets.text(name, 0) for name in ASSET_FACTS},
        "month": month.name,
        "from": month.since,
        "to": month.until,
        "made_at": made_at,
        "source": source,
        "rules": rules.version(),
        "software": __version__,
        "readings": int(((frame.time >= month.since) & (frame.time < month.until)).sum()),
        "first_at": int(frame.time[0]) if len(frame) else None,
        "sensors": summary.sensors_of(course, frame, month),
        "temperature": summary.temperatures_of(course),
        "strain": summary.strains_of(course, frame, month),
        "drift": summary.drifts_of(course),
        "movements": summary.movements_of(course, frame, month),
        "faults": summary.faults_of(course),
        "events": _events(course, month, language),
        "interventions": _interventions(controls, month),
        "incidents": [dict(row) for row in told.incidents],
        "entries": [dict(row) for row in told.entries],
        "labels": list(rules.bridge.level.labels),
        "modal": _modal(registry, rules, told, min(month.until, made_at), language),
    }
    figures["conclusions"], figures["advice"] = conclusions(figures, language)
    return Report(figures, course, frame, month, language)


def page(report: Report) -> str:
    """The report as one HTML file: style, plots and all in it."""
    from jingqiao.bridge_report.plots import plots  # noqa: PLC0415 - `--json` draws nothing

    drawn = plots(report.course, report.frame, report.figures, report.month, report.language)
    return (
        _environment()
        .get_template("report.html")
        .render(
            f=report.figures,
            plots=drawn,
            language=report.language,
            t=lambda key, **values: text(f"bridge_report.{key}", report.language, **values),
            word=lambda table, value: catalogue(report.language).get(f"{table}.{value}", str(value)),
            moment=lambda at: "" if at is None else f"{report.month.local(at):%Y-%m-%d %H:%M}",
            when=lambda iso: (
                "" if not iso else f"{datetime.fromisoformat(iso).astimezone(report.month.zone):%m-%d %H:%M}"
            ),
            cell=_cell,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("jingqiao.bridge_report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _when(iso: str | None, month: Month) -> str:
    """RFC 3339 in the office's time."""
    return f"{datetime.fromisoformat(iso).astimezone(month.zone):%m-%d %H:%M}" if iso else ""


def _cell(value: object) -> str:
    if value is None or value == "":
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _modal(
    registry: Registry, rules: RuleSet, told: Told, until: int, language: Language
) -> dict[str, Any] | None:
    """Natural frequencies with what they mean; None for a bridge that has no accelerometers for them."""
    accelerometers = int((registry.sensors.role == Role.ACCELERATION).sum())
    if not told.hours and accelerometers < LEAST_CHANNELS:
        return None
    from jingqiao.modal.summary import sentences, state_of, summary_of  # noqa: PLC0415 - with scipy

    found = summary_of(registry.asset_id(0), told.hours, told.works, rules.bridge.level.labels, until)
    found["said"] = sentences(found, language)
    if not told.hours and not installed():
        found["said"] = [text("modal.not_installed", language, python=sys.executable)]
    for row in found["modes"]:
        row["state_said"] = state_of(row, language)
    return found


def _events(course: Course, month: Month, language: Language) -> list[dict[str, Any]]:
    """Changes of alarms within the month."""
    return [
        {
            "at": change.event_at,
            **{name: cell for name, cell in as_json(change, language).items() if name in EVENT_CELLS},
        }
        for change in sorted(course.changes, key=lambda c: c.event_at)
        if month.since <= change.event_at < month.until and not change.historical
    ]


def _interventions(controls: Sequence[Control], month: Month) -> list[dict[str, Any]]:
    """Announced work and new baselines that touch the month, with who and why."""
    rows = []
    for control in controls:
        start = int(control.payload.get("from") or control.at)
        end = int(control.payload.get("to") or control.at)
        if end >= month.since and start < month.until:
            rows.append(
                {
                    "kind": control.name,
                    "from": start,
                    "to": end,
                    "who": str(control.payload.get("who") or ""),
                    "why": str(control.payload.get("why") or control.payload.get("note") or ""),
                }
            )
    return rows
