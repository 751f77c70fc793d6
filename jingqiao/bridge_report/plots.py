"""The report's plots as SVG texts to stand in the page: no file beside it, text stays text."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from config.messages import Language, text
from devices.frame import Frame
from jingqiao.bridge_report.course import DAY_US, HOUR_US, Course
from jingqiao.bridge_report.frequencies import frequencies
from jingqiao.bridge_report.month import Month
from jingqiao.bridge_report.summary import gauges, live_peaks

FONTS: Final = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei", "sans-serif")
WIDTH_IN: Final = 7.4
MOST_SECTIONS: Final = 24
SEVERITY: Final = {"red": "#c62828", "orange": "#ef6c00", "yellow": "#b59b00", "blue": "#1565c0"}


def plots(
    course: Course, frame: Frame, found: Mapping[str, Any], month: Month, language: Language
) -> dict[str, Any]:
    """Name → SVG, or for what is drawn a section each: rows of {section, svg}."""
    with _style() as pyplot:
        draw = _Draw(course, frame, found, month, language, pyplot)
        sections = draw.sections()
        return {
            "availability": draw.availability(),
            "temperature": draw.temperature(),
            "strain": [{"section": name, "svg": draw.strain(rows)} for name, rows in sections],
            "scatter": [{"section": name, "svg": draw.scatter(rows)} for name, rows in sections],
            "residual": [{"section": name, "svg": draw.residual(rows)} for name, rows in sections],
            "cusum": [{"section": name, "svg": draw.cusum(rows)} for name, rows in sections],
            "live": draw.live(),
            "movements": [
                {"section": row["sensor_id"], "svg": draw.movement(row)} for row in found["movements"]
            ],
            "modal": frequencies(draw, found["modal"]),
        }


@contextmanager
def _style() -> Iterator[Any]:
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Texts are drawn by the reader's fonts; that ours lack a sign makes a width's estimate poor.
        warnings.simplefilter("ignore")
        import matplotlib as mpl  # noqa: PLC0415 - loaded only by the command that draws

        mpl.use("svg")
        from matplotlib import pyplot  # noqa: PLC0415

        settings: Any = {
            "svg.fonttype": "none",
            "svg.hashsalt": "jingqiao",
            "font.family": list(FONTS),
            "font.size": 8.5,
            "axes.grid": True,
            "grid.color": "#e2e2e2",
            "axes.edgecolor": "#777777",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "axes.unicode_minus": False,
            "figure.constrained_layout.use": True,
        }
        try:
            with pyplot.rc_context(settings):
                yield pyplot
        finally:
            logger.setLevel(level)


class _Draw:
    def __init__(
        self,
        course: Course,
        frame: Frame,
        found: Mapping[str, Any],
        month: Month,
        language: Language,
        pyplot: Any,
    ) -> None:
        self.course, self.frame, self.found = course, frame, found
        self.month, self.language, self.pyplot = month, language, pyplot
        self.days = [(int(h) * HOUR_US - month.since) / DAY_US + 1 for h in course.hours]
        self.last_day = (month.until - month.since) // DAY_US
        self._number = 0

    def sections(self) -> list[tuple[str, list[int]]]:
        """Gauges by section, in the order of the registry."""
        by: dict[str, list[int]] = {}
        for c in gauges(self.course):
            sensor = int(self.course.detector.channels.sensor[c])
            by.setdefault(self.course.engine.registry.sensors.text("section", sensor), []).append(c)
        return list(by.items())[:MOST_SECTIONS]

    def availability(self) -> str:
        rows = self.found["sensors"]
        if not rows:
            return ""
        figure, axes = self.figure(0.9 + 0.17 * len(rows))
        table = np.array([row["daily"] for row in rows])
        axes.imshow(
            table,
            aspect="auto",
            cmap="RdYlGn",
            vmin=0,
            vmax=1,
            extent=(1, self.last_day + 1, len(rows) - 0.5, -0.5),
            interpolation="none",
        )
        axes.set_yticks(range(len(rows)), [row["sensor_id"] for row in rows], fontsize=7)
        axes.grid(visible=False)
        axes.set_xlabel(self._text("day"))
        return self.svg(figure)

    def temperature(self) -> str:
        channels = np.flatnonzero(self.course.detector.channels.thermometer).tolist()
        return self._lines(channels, self.course.warm, "°C", events=False)

    def strain(self, rows: Sequence[int]) -> str:
        def limits(axes: Any) -> None:
            channels = self.course.detector.channels
            low, high = axes.get_ylim()
            room = 0.6 * (high - low) + 20
            for c in rows:
                for bound in (channels.strain_min_ue[c], channels.strain_max_ue[c]):
                    if np.isfinite(bound) and low - room < bound < high + room:
                        axes.axhline(bound, color="#c62828", linewidth=0.9, linestyle="--")

        return self._lines(rows, self.course.strain, "µε", limits)

    def residual(self, rows: Sequence[int]) -> str:
        def zero(axes: Any) -> None:
            axes.axhline(0, color="#999999", linewidth=0.7)

        return self._lines(rows, self.course.compensated, "µε", zero)

    def scatter(self, rows: Sequence[int]) -> str:
        figure, axes = self.figure(2.6)
        for number, c in enumerate(rows):
            x, y = self.course.beside[:, c], self.course.strain[:, c]
            axes.plot(x, y, ".", markersize=2.2, alpha=0.6, color=f"C{number % 10}", label=self._id(c))
        axes.set_xlabel(f"{self._text('temperature')} °C")
        axes.set_ylabel("µε")
        self._legend(axes, rows)
        return self.svg(figure)

    def cusum(self, rows: Sequence[int]) -> str:
        """All days that the replay judged, not the month's alone: a CUSUM has a memory."""
        figure, axes = self.figure(2.2)
        some = False
        for number, c in enumerate(rows):
            days = self.course.days[c]
            when = [datetime.fromtimestamp(day.day * 86_400 + 43_200, UTC) for day in days]
            some |= bool(days)
            axes.plot(when, [d.up for d in days], color=f"C{number % 10}", linewidth=1, label=self._id(c))
            axes.plot(when, [-d.down for d in days], color=f"C{number % 10}", linewidth=1, linestyle=":")
        if not some:
            self.pyplot.close(figure)
            return ""
        limit = max(float(self.course.detector.slow.limits.cusum_h[c]) for c in rows)
        for sign in (1, -1):
            axes.axhline(sign * limit, color="#c62828", linewidth=0.9, linestyle="--")
        axes.set_ylabel("σ")
        figure.autofmt_xdate(rotation=0, ha="center")
        self._legend(axes, rows)
        return self.svg(figure)

    def live(self) -> str:
        figure, axes = self.figure(2.4)
        some = False
        for number, c in enumerate(gauges(self.course)):
            peaks = live_peaks(self.frame, int(self.course.detector.channels.sensor[c]), self.month)
            if len(peaks) == 0:
                continue
            some = True
            top = max(float(peaks.max()), 10.0)
            counts, edges = np.histogram(peaks, bins=np.linspace(0, top, 41))
            axes.step(
                edges[:-1], np.maximum(counts, 0.5), where="post", linewidth=0.9, color=f"C{number % 10}",
                label=self._id(c),
            )  # fmt: skip
        if not some:
            self.pyplot.close(figure)
            return ""
        axes.set_yscale("log")
        axes.set_xlabel(f"{self._text('live_peak')} µε")
        axes.set_ylabel(self._text("blocks"))
        if len(gauges(self.course)) <= 16:
            axes.legend(fontsize=6.5, ncols=4)
        return self.svg(figure)

    def movement(self, row: Mapping[str, Any]) -> str:
        own = (self.frame.sensor == row["sensor"]) & (self.frame.time >= self.month.since)
        values = self.frame.columns[row["quantity"]][own].astype(float)
        if row["unit"] == "cm/s²":
            values = values * 980.665
        x = (self.frame.time[own] - self.month.since) / DAY_US + 1
        good = np.isfinite(values)
        x, values = _thinned(x[good], values[good])
        figure, axes = self.figure(1.9)
        axes.plot(x, values, linewidth=0.8)
        for bound in (row["design_min"], row["design_max"]):
            if bound is not None and row["role"] != "tilt":
                axes.axhline(bound, color="#c62828", linewidth=0.9, linestyle="--")
        self._month_axis(axes, row["unit"])
        return self.svg(figure)

    def _lines(
        self,
        rows: Sequence[int],
        table: Any,
        unit: str,
        more: Callable[[Any], None] = lambda _: None,
        *,
        events: bool = True,
    ) -> str:
        if len(rows) == 0 or not np.isfinite(table[:, list(rows)]).any():
            return ""
        figure, axes = self.figure(2.2)
        for number, c in enumerate(rows):
            axes.plot(self.days, table[:, c], linewidth=0.9, color=f"C{number % 10}", label=self._id(c))
        more(axes)
        if events:
            self._mark(axes)
        self._month_axis(axes, unit)
        self._legend(axes, rows)
        return self.svg(figure)

    def _mark(self, axes: Any) -> None:
        for event in self.found["events"]:
            if event["state"] == "firing" and event["hazard"] != "sensor_fault":
                x = (event["at"] - self.month.since) / DAY_US + 1
                axes.axvline(x, color=SEVERITY[event["severity"]], linewidth=0.8, alpha=0.8)
        for work in self.found["interventions"]:
            left = max((work["from"] - self.month.since) / DAY_US + 1, 1)
            right = min((work["to"] - self.month.since) / DAY_US + 1, self.last_day + 1)
            axes.axvspan(left, max(right, left + 0.02), color="#1565c0", alpha=0.12, linewidth=0)

    def _month_axis(self, axes: Any, unit: str) -> None:
        axes.set_xlim(1, self.last_day + 1)
        axes.set_xticks(range(1, self.last_day + 1, 2))
        axes.set_xlabel(self._text("day"))
        axes.set_ylabel(unit)

    def _legend(self, axes: Any, rows: Sequence[int]) -> None:
        axes.legend(fontsize=6.5, ncols=min(len(rows), 5), loc="upper center", bbox_to_anchor=(0.5, 1.18))

    def figure(self, height: float, columns: int = 1) -> tuple[Any, Any]:
        """A figure over the page's width, its plots side by side."""
        figure, axes = self.pyplot.subplots(1, columns, figsize=(WIDTH_IN, height))
        return figure, axes

    def _id(self, channel: int) -> str:
        registry = self.course.engine.registry
        return registry.sensor_id(int(self.course.detector.channels.sensor[channel]))

    def _text(self, key: str) -> str:
        return text(f"bridge_report.axis.{key}", self.language)

    def svg(self, figure: Any) -> str:
        """The figure's SVG element with ids of its own: many stand in one page."""
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        self.pyplot.close(figure)
        self._number += 1
        svg = out.getvalue()
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        mine = f"p{self._number}-"
        svg = re.sub(r'id="([^"]+)"', rf'id="{mine}\1"', svg)
        svg = re.sub(r'href="#([^"]+)"', rf'href="#{mine}\1"', svg)
        svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{mine}\1)", svg)
        return re.sub(r'(<svg [^>]*?)width="[^"]+"|(<svg [^>]*?)height="[^"]+"', r"\1\2", svg, count=2)


def _thinned(x: Any, y: Any, most: int = 3000) -> tuple[Any, Any]:
    """Least and greatest of each of `most` / 2 pieces: no peak is lost."""
    if len(x) <= most:
        return x, y
    pieces = np.array_split(np.arange(len(x)), most // 2)
    kept = np.concatenate([np.sort([p[np.argmin(y[p])], p[np.argmax(y[p])]]) for p in pieces])
    return x[kept], y[kept]
