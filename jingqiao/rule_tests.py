"""Rule tests: what an operator writes in YAML to hold that the rules ring when they should, and only then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from config.faults import Fault, FaultsError
from config.rules import HazardName, RuleSet
from devices.frame import NO_SEQ, Flag, Frame
from devices.quantities import QUANTITIES
from devices.registry import UNKNOWN, Registry
from devices.strain import reduce_rows
from ingest.log import Control
from jingqiao.backtest.run import advance, feed
from rules.alarm import AlarmChange, AlarmState
from rules.engine import Engine

SECOND: Final = 1_000_000
START: Final = 1_767_196_800_000_000
"""2026-01-01 00:00 in China: tests count their times from here."""
_UNITS: Final = {"w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|w|d|h|m|s)\s*")


def seconds(told: object) -> float:
    """Seconds of `3d 4h`, `90s`, `1.5h`, or a bare number of seconds. Raises ValueError."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        return float(told)
    text = str(told).strip()
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text):
        raise ValueError(f"{told!r} is no duration such as 3d 4h, 90s or 1.5h")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


Duration = Annotated[float, BeforeValidator(seconds)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Series(BaseModel):
    """Readings of one sensor: one at `at`, or one `every` so often from `at` on `until` (not included).

    Further keys are quantities; a list is walked through again and again, null = not measured.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    sensor: str
    at: Duration = 0.0
    every: Duration | None = None
    until: Duration | None = None
    delay: Duration = 0.0

    def readings(self) -> Iterator[tuple[float, dict[str, float]]]:
        """(seconds after the start, quantity → value) of each reading."""
        times = [self.at]
        if self.every is not None and self.until is not None:
            times = np.arange(self.at, self.until - 1e-9, self.every).tolist()
        for i, at in enumerate(times):
            values = {}
            for name, told in (self.model_extra or {}).items():
                value = told[i % len(told)] if isinstance(told, list) else told
                if value is not None:
                    values[name] = float(value)
            yield at, values


class Works(_Part):
    """A maintenance window."""

    asset: str
    start: Duration = Field(alias="from")
    end: Duration = Field(alias="to")
    kind: str = "permit"
    note: str = ""


class Expected(_Part):
    """All alarms that fire at a time: `asset hazard severity`; an empty list = none."""

    at: Duration
    firing: list[str]


class RuleTest(_Part):
    """One story: readings, works, and what fires when."""

    name: str
    input: list[Series]
    maintenance: list[Works] = Field(default_factory=list)
    expect: list[Expected] = Field(min_length=1)
    ignore: list[HazardName] = Field(default_factory=list)


class RuleTestFile(_Part):
    """Tests that share a registry and rules."""

    rules: dict[str, Any] = Field(default_factory=dict)
    assets: list[dict[str, Any]] = Field(min_length=1)
    sensors: list[dict[str, Any]] = Field(min_length=1)
    tests: list[RuleTest] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """What was expected at a time and what was there instead."""

    at: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test's result; no differences = passed."""

    file: str
    name: str
    differences: tuple[Difference, ...]
    told: tuple[str, ...]


def run_file(path: Path, rules: RuleSet | None = None) -> list[Outcome]:
    """All tests of a file, under `rules` (the shipped ones by default) with the file's own changes on top.

    Raises FaultsError when the file is no such file.
    """
    document = _load(path)
    base = (rules or RuleSet()).model_dump(mode="json")
    try:
        merged = RuleSet.model_validate(_merged(base, document.rules))
        registry = Registry.of(document.assets, [_sensor(row) for row in document.sensors])
    except ValidationError as error:
        raise FaultsError(_faults(path, error, "rules.")) from None
    except (KeyError, ValueError, TypeError) as error:
        remedy = "assets need asset_id and kind; sensors need sensor_id and asset_id"
        raise FaultsError([Fault(str(path), None, "assets, sensors", str(error), remedy)]) from None
    faults = list(_strangers(path, document, registry))
    if faults:
        raise FaultsError(faults)
    return [_run(path, test, registry, merged) for test in document.tests]


def _run(path: Path, test: RuleTest, registry: Registry, rules: RuleSet) -> Outcome:
    engine = Engine(registry, rules)
    engine.control("await_first_word", {}, START)
    frame = reduce_rows(_frame(test.input, registry))
    controls = [
        Control(
            works.kind,
            {
                "asset_id": works.asset,
                "from": START + round(works.start * SECOND),
                "to": START + round(works.end * SECOND),
                "kind": works.kind,
                "note": works.note,
            },
            START + round(works.start * SECOND),
        )
        for works in sorted(test.maintenance, key=lambda w: w.start)
    ]
    firing: dict[tuple[str, str], str] = {}
    told: list[str] = []
    differences = []
    row = 0
    for expected in sorted(test.expect, key=lambda e: e.at):
        now = START + round(expected.at * SECOND)
        stop = int(np.searchsorted(frame.received, now, "right"))
        due_controls = [c for c in controls if c.at <= now]
        controls = controls[len(due_controls) :]
        changes = feed(engine, frame.take(np.arange(row, stop)), due_controls)
        row = stop
        changes += advance(engine, now)
        for change in changes:
            _follow(change, firing)
            told.append(_line(change))
        ignored = {str(h) for h in test.ignore}
        got = {words for (_, hazard), words in firing.items() if hazard not in ignored}
        wanted = {" ".join(words.split()) for words in expected.firing}
        if got != wanted:
            at = _duration(expected.at)
            differences.append(Difference(at, tuple(sorted(wanted - got)), tuple(sorted(got - wanted))))
    return Outcome(str(path), test.name, tuple(differences), tuple(told))


def _follow(change: AlarmChange, firing: dict[tuple[str, str], str]) -> None:
    what = change.asset_id or change.sensor_ids[0]
    key = (what, change.hazard.value)
    if change.state is AlarmState.CLEAR:
        firing.pop(key, None)
    elif not change.historical:
        firing[key] = f"{what} {change.hazard.value} {change.severity.colour}"


def _line(change: AlarmChange) -> str:
    what = change.asset_id or change.sensor_ids[0]
    at = _duration((change.event_at - START) / SECOND)
    return f"{at}: {what} {change.hazard.value} {change.severity.colour} {change.state.value}"


def _frame(series: Sequence[Series], registry: Registry) -> Frame:
    rows = [
        (START + round(at * SECOND), round(one.delay * SECOND), registry.sensor_index(one.sensor), values)
        for one in series
        for at, values in one.readings()
    ]
    rows.sort(key=lambda row: row[0] + row[1])
    time = np.array([row[0] for row in rows], np.int64)
    names = list(dict.fromkeys(name for row in rows for name in row[3]))
    return Frame(
        np.array([row[2] for row in rows], np.int32),
        time,
        time + np.array([row[1] for row in rows], np.int64),
        np.full(len(rows), NO_SEQ, np.int64),
        np.full(len(rows), Flag.GOOD, np.uint8),
        {name: np.array([row[3].get(name, np.nan) for row in rows], np.float32) for name in names},
    )


def _load(path: Path) -> RuleTestFile:
    try:
        written = path.read_text("utf-8-sig")
        document, tree = yaml.safe_load(written), yaml.compose(written, yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise FaultsError(
            [Fault(str(path), None, "", f"cannot be read: {error}", "check the file")]
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        problem = str(getattr(error, "problem", error))
        raise FaultsError([Fault(str(path), line, "", f"no YAML: {problem}", "mend the syntax")]) from None
    if not isinstance(document, dict):
        problem = "the file is empty" if document is None else "the file is no table of keys"
        raise FaultsError([Fault(str(path), 1, "", problem, "write assets:, sensors: and tests:")])
    try:
        return RuleTestFile.model_validate(document)
    except ValidationError as error:
        raise FaultsError(_faults(path, error, tree=tree)) from None


_REMEDIES: Final = {
    "missing": "add this key",
    "extra_forbidden": "take it out, or mend its spelling",
    "too_short": "write at least one",
    "list_type": "write a list: lines that begin with -, or [a, b]",
    "value_error": "write 3d 4h, 90s or 1.5h",
}


def _faults(
    path: Path, error: ValidationError, prefix: str = "", tree: yaml.Node | None = None
) -> list[Fault]:
    return [
        Fault(
            str(path),
            _line_of(tree, item["loc"]),
            prefix + ".".join(str(x) for x in item["loc"]),
            str(item["msg"]),
            _REMEDIES.get(item["type"], "write what the guide of rule tests shows"),
        )
        for item in error.errors(include_url=False)
    ]


def _line_of(node: yaml.Node | None, place: Sequence[str | int]) -> int | None:
    """Line of a key or list entry, counted from 1; of what holds it where it is not there."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return int(line)


def _strangers(path: Path, document: RuleTestFile, registry: Registry) -> Iterator[Fault]:
    for test in document.tests:
        for number, series in enumerate(test.input):
            place = f"{test.name}: input.{number}"
            if registry.sensor_index(series.sensor) == UNKNOWN:
                yield Fault(str(path), None, place, f"no sensor {series.sensor}", "add it to sensors")
            if (series.every is None) != (series.until is None):
                yield Fault(str(path), None, place, "every without until", "write both, or neither")
            for name, told in (series.model_extra or {}).items():
                if name not in QUANTITIES:
                    known = ", ".join(q.name for q in QUANTITIES.values() if q.native)
                    yield Fault(str(path), None, f"{place}.{name}", "unknown quantity", known)
                elif not all(
                    v is None or isinstance(v, int | float)
                    for v in (told if isinstance(told, list) else [told])
                ):
                    yield Fault(str(path), None, f"{place}.{name}", f"{told!r} is no number", "write one")


def _sensor(row: Mapping[str, Any]) -> dict[str, Any]:
    sensor = dict(row)
    told = sensor.get("installed_at")
    if isinstance(told, datetime | date):
        moment = told if isinstance(told, datetime) else datetime(told.year, told.month, told.day)  # noqa: DTZ001
        sensor["installed_at"] = round(moment.timestamp() * SECOND)
    return sensor


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        both = isinstance(inner, dict) and isinstance(value, Mapping)
        result[key] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return result


def _duration(whole: float) -> str:
    parts, rest = [], round(whole, 3)
    for unit in ("d", "h", "m"):
        count = int(rest // _UNITS[unit])
        rest -= count * _UNITS[unit]
        if count:
            parts.append(f"{count}{unit}")
    if rest or not parts:
        parts.append(f"{rest:g}s")
    return " ".join(parts)
