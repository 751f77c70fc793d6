"""What the rules know of a sensor on a terminal: why it rings or does not, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from config.messages import Language, catalogue, text
from jingqiao.backtest.view import plain
from jingqiao.incidents.evidence_view import told_evidence

_SAID = ("name", "holds", "value", "limit", "unit")
_TIMES: Final = ("since", "due", "until")
_NOTHING_TO_SAY: Final = frozenset({"rules_lid.none", "rules_health.silent.heard"})
"""Reasons that say no more than "no alarm"."""


class Sheet:
    """Prints sensors as `told_sensor` gives them.

    zone : ZoneInfo | None  For times; None = RFC 3339 in UTC.
    """

    def __init__(self, tongue: Language, zone: ZoneInfo | None) -> None:
        self._tongue = tongue
        self._zone = zone
        self._console = Console()
        self._shown: set[tuple[str, str]] = set()

    def sensor(self, sensor: Mapping[str, Any]) -> None:
        """All that is known of one sensor."""
        self._shown = set()
        role = catalogue(self._tongue).get(f"assets.role.{sensor['role']}", sensor["role"])
        self._line(0, f"{sensor['sensor_id']}  {role}  {sensor['model']}  → {sensor['asset_id'] or '–'}")
        if sensor["clock_slow_s"]:
            minutes = sensor["clock_slow_s"] / 60
            self._line(2, text("rules_cli.clock", self._tongue, minutes=minutes))
        for window in sensor["windows"]:
            kind = catalogue(self._tongue).get(f"assets.what.{window['kind']}", window["kind"])
            span = f"{self._time(window['from'])} – {self._time(window['to'])}"
            self._line(2, f"{kind} {span} {window['note']}".rstrip())
        for row in sensor["hazards"]:
            self._hazard(row)
        for hazard, why in sensor["blind"].items():
            named = f"{text(f'notify.hazard.{hazard}', self._tongue)} [{hazard}]"
            self._line(2, text("rules_cli.blind", self._tongue, hazard=named, why=why))
        if sensor.get("found_late"):
            self._line(2, text("rules_cli.found_late", self._tongue))
            for late in sensor["found_late"]:
                hazard = text(f"notify.hazard.{late['hazard']}", self._tongue)
                self._line(4, f"{self._time(late['event_at'])} {hazard}: {late['reason']}")

    def _hazard(self, row: Mapping[str, Any]) -> None:
        hazard = text(f"notify.hazard.{row['hazard']}", self._tongue)
        state = self._colour(row["severity"])
        if row["severity"] and row["since"]:
            state = text("rules_cli.since", self._tongue, state=state, since=self._time(row["since"]))
        self._line(2, f"{hazard} [{row['hazard']}]: {state} ({row['sees']})")
        if row["severity"] or row["reason_key"] not in _NOTHING_TO_SAY:
            self._line(4, row["reason"])
        for key in ("pending", "muted", "doubted"):
            if row[key]:
                told = {
                    k: self._time(v) if k in ("since", "due", "until") else v for k, v in row[key].items()
                }
                told["severity"] = self._colour(row[key]["severity"])
                self._line(4, text(f"rules_cli.{key}", self._tongue, **told))
        for condition in row["conditions"]:
            mark = "●" if condition.get("holds") else "○"
            self._line(4, f"{mark} {self._condition(condition)}")
        fire = " / ".join(dict.fromkeys(f"{seconds:g}" for seconds in row["for_s"].values()))
        self._line(4, text("rules_cli.holds", self._tongue, fire=fire, clear=f"{row['clear_for_s']:g}"))
        # What does not hold says nothing; what was shown once of this sensor is not shown again.
        facts = {name: value for name, value in row["evidence"].items() if value is not False}
        news = [pair for pair in told_evidence(facts, self._tongue, self._zone) if pair not in self._shown]
        self._shown |= set(news)
        self._packed(4, [f"{name}={value}" for name, value in news])

    def _condition(self, condition: Mapping[str, Any]) -> str:
        """A condition in words: its name, what is measured against what limit, and whatever else it has."""
        name = str(condition.get("name", ""))
        words = catalogue(self._tongue).get(f"console_city.condition.{name}", name)
        if name == "contact":
            state = "open" if condition["value"] else "closed"
            return f"{words}: {text(f'rules_cli.contact.{state}', self._tongue)}"
        unit = str(condition.get("unit") or "")
        value, limit = (_number(condition.get(key)) for key in ("value", "limit"))
        rest = [f"{k}={plain(v)}" for k, v in condition.items() if k not in _SAID]
        return "  ".join([f"{words}: {value} / {limit} {unit}".rstrip(), *rest])

    def _colour(self, severity: str | None) -> str:
        return text(f"notify.severity.{severity}" if severity else "rules_cli.quiet", self._tongue)

    def _time(self, instant: str) -> str:
        if self._zone is None:
            return instant
        return f"{datetime.fromisoformat(instant).astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _line(self, indent: int, words: str) -> None:
        """A line; what goes on in the next is indented further."""
        for line in Text(words).wrap(self._console, self._console.width - indent - 2):
            click.echo(" " * indent + line.plain.rstrip())
            indent += 2 if indent in (2, 4) else 0

    def _packed(self, indent: int, items: Sequence[str]) -> None:
        """As many items a line as fit."""
        line = ""
        for item in items:
            longer = f"{line}  {item}" if line else item
            if line and cell_len(longer) > self._console.width - indent - 2:
                self._line(indent, line)
                longer = item
            line = longer
        if line:
            self._line(indent, line)


def _number(value: Any) -> str:
    """To four digits; – = not known."""
    known = plain(value)
    if known is None:
        return "–"
    return f"{known:.4g}" if isinstance(known, float) else str(known)
