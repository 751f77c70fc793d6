"""The demo on a terminal: the pulse of the fleet, open incidents, and a phone with each message on it."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.align import Align
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from config.messages import Language, text
from jingqiao.database import reading
from jingqiao.demo.stage import Stage
from jingqiao.incidents.incident import Incident
from jingqiao.incidents.store import live_incidents

STYLE: Final = {
    4: "bold white on red",
    3: "bold black on dark_orange",
    2: "black on yellow",
    1: "white on blue",
}
_BARS: Final = "▁▂▃▄▅▆▇█"
_PULSE: Final = 48
_SHOWN_MESSAGES: Final = 4


class Screen:
    """Draws one stage; cheap enough to be asked some times a second."""

    def __init__(self, stage: Stage, language: Language, zone: ZoneInfo) -> None:
        self._stage = stage
        self._language = language
        self._zone = zone
        self._pulse: deque[int] = deque([0] * _PULSE, _PULSE)
        self._last = (time.monotonic(), 0)
        self._rate = 0.0

    def draw(self) -> RenderableType:
        """The whole screen."""
        layout = Layout()
        layout.split_row(Layout(name="left", ratio=3), Layout(self._phone(), name="phone", ratio=2))
        layout["left"].split_column(Layout(self._fleet(), size=11), Layout(self._incidents()))
        return layout

    def _say(self, key: str, **values: object) -> str:
        return text(f"demo.{key}", self._language, **values)

    def _fleet(self) -> RenderableType:
        stage = self._stage
        service = stage.service
        readings = service.vitals.readings if service is not None else 0
        now = time.monotonic()
        if now - self._last[0] >= 0.5:
            self._rate = (readings - self._last[1]) / (now - self._last[0])
            self._pulse.append(readings - self._last[1])
            self._last = (now, readings)
        days = (stage.progress.now - stage.scenario.start_us) / 86_400_000_000 if stage.progress.now else 0.0
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            self._say("clock"), Text(self._local(stage.progress.now or stage.scenario.start_us), "bold")
        )
        grid.add_row("", self._say("day", day=days, days=round(stage.scenario.days)))
        grid.add_row(
            self._say("sensors"),
            f"{len(stage.registry.sensors)}   {self._say('assets')} {len(stage.registry.assets)}",
        )
        grid.add_row(self._say("readings"), f"{readings:,}   {self._say('rate')} {self._rate:,.0f}")
        door = stage.door.sentence(self._language) if stage.door is not None else ""
        shown = Group(grid, Text(self._bars(), "green"), Text(door, "bold"))
        return Panel(shown, title=self._say("title"), border_style="cyan")

    def _bars(self) -> str:
        top = max(*self._pulse, 1)
        return "".join(_BARS[min(len(_BARS) - 1, value * len(_BARS) // (top + 1))] for value in self._pulse)

    def _incidents(self) -> RenderableType:
        incidents = self._live()
        if not incidents:
            body: RenderableType = Align.center(Text(self._say("none"), "green"), vertical="middle")
        else:
            table = Table(expand=True, box=None)
            for name in ("id", "severity", "hazard", "where", "state", "age"):
                table.add_column(self._say(f"col_{name}"), overflow="fold")
            for incident in sorted(incidents, key=lambda i: (-int(i.severity), -i.opened_at))[:14]:
                table.add_row(*self._row(incident))
            body = table
        return Panel(body, title=f"{self._say('incidents')} {len(incidents) or ''}", border_style="yellow")

    def _row(self, incident: Incident) -> list[RenderableType]:
        names = self._language
        minutes = max(0, self._stage.progress.now - incident.opened_at) // 60_000_000
        age = f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"
        severity = Text(
            f" {text(f'notify.severity.{incident.severity.colour}', names)} ", STYLE[incident.severity]
        )
        return [
            str(incident.id),
            severity,
            text(f"notify.hazard.{incident.hazard.value}", names),
            incident.name or incident.subject,
            text(f"notify.state.{incident.state.value}", names),
            age,
        ]

    def _phone(self) -> RenderableType:
        shown = self._stage.messages()[-_SHOWN_MESSAGES:]
        if not shown:
            return Panel(self._say("phone_empty"), title=f"{self._say('phone')}", border_style="green")
        cards: list[RenderableType] = []
        for message in reversed(shown):
            heading = f"{message.to}  {self._local(message.at)}"
            cards.append(Panel(Text(f"{message.title}\n{message.body}"), title=heading, title_align="left"))
        return Panel(Group(*cards), title=f"{self._say('phone')}", border_style="green")

    def _live(self) -> list[Incident]:
        service = self._stage.service
        if service is None or self._stage.progress.ended:
            return []
        with reading(service.database) as connection:
            return live_incidents(connection)

    def _local(self, at: int) -> str:
        return datetime.fromtimestamp(at / 1e6, self._zone).strftime("%Y-%m-%d %H:%M:%S")


def summary_table(result: dict[str, Any], language: Language) -> RenderableType:
    """What the demo came to, for a person."""

    def say(key: str, **values: object) -> str:
        return text(f"demo.{key}", language, **values)

    table = Table(title=say("summary"), expand=False)
    for name in ("staged", "found", "delay", "to"):
        table.add_column(say(name), overflow="fold")
    missed = {(m["hazard"], m["asset_id"]) for m in result["missed"]}
    for event in result["events"]:
        if not event["required"] and not event["detected"]:
            continue
        verdict = say("yes") if event["detected"] else say("not_yet")
        if (event["hazard"], event["asset_id"]) in missed:
            verdict = say("no")
        hazard = text(f"notify.hazard.{event['hazard']}", language)
        table.add_row(
            f"{hazard} {event['asset_id']}",
            verdict,
            _duration(event["delay_s"]),
            event["delivered_to"] or "",
        )
    lines = [
        f"{say('missed')} {len(result['missed'])} · {say('false')} {len(result['false'])} · "
        f"{say('notices')} {len(result['notices'])} · {say('delivered')} {result['messages_delivered']}",
        f"{say('readings')} {result['readings']:,} · {say('rate')} {result['readings_per_s']:,.0f}",
    ]
    if not result["complete"]:
        lines.append(say("ended_early"))
    if result["not_staged"]:
        hazards = [text(f"notify.hazard.{event['hazard']}", language) for event in result["not_staged"]]
        lines.append(
            say("not_staged", hazards="、".join(hazards) if language == "zh" else ", ".join(hazards))
        )
    if result["handed_over"]:
        lines.append(say("handed_over", count=result["handed_over"]))
    return Group(table, *lines)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 180:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
