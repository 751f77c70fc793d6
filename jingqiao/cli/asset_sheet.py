"""An asset's file on a terminal, in the words of whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from config.messages import Language, catalogue, text
from jingqiao.cli.output import language, print_table
from jingqiao.dossier.telling import danger_text

_FACTS = (
    "kind",
    "name",
    "category",
    "district",
    "street",
    "community",
    "grid_code",
    "road",
    "position",
    "owner",
    "maintainer",
    "material",
    "load_class",
    "installed_on",
    "design_life_years",
    "low_lying",
    "fall_net",
    "status",
)


def print_file(found: Mapping[str, Any], timezone: str) -> None:
    """The whole file: facts, dangers, sensors, bindings, history, incidents."""
    spoken, zone = language(), ZoneInfo(timezone)
    code = found["code"]
    meaning = f"  {code['meaning']}" if code and code["meaning"] else ""
    click.echo(f"{found['asset_id']}{meaning}")
    for name in _FACTS:
        value = _fact(found, name, spoken)
        if value:
            click.echo(f"  {text(f'assets.column.{name}', spoken)}: {value}")
    for danger in found["dangers"]:
        click.echo(f"  ⚠ {danger_text(danger, spoken)}")
    _section(
        "sensors",
        ("sensor_id", "model", "role", "location", "bound_since", "baseline"),
        [
            (
                s["sensor_id"],
                s["model"],
                _word("role", s["role"], spoken),
                s["location"],
                local(s["bound_since"], zone),
                _baselines(s["baseline"], zone, spoken),
            )
            for s in found["sensors"]
        ],
        spoken,
    )
    _section(
        "bindings",
        ("sensor_id", "from", "to", "who", "why"),
        [
            (b["sensor_id"], local(b["from"], zone), local(b["to"], zone), b["who"], b["why"])
            for b in found["bindings"]
        ],
        spoken,
    )
    _section(
        "baselines",
        ("quantity", "value", "at", "who", "why"),
        [
            (b["quantity"], f"{b['value']:g}", local(b["at"], zone), b["who"], b["why"])
            for b in found["baselines"]
        ],
        spoken,
    )
    _section(
        "history",
        ("at", "what", "who", "sensor_id", "note"),
        [
            (local(e["at"], zone), _word("what", e["what"], spoken), e["who"], e["sensor_id"], _said(e, zone))
            for e in found["history"]
        ],
        spoken,
    )
    _section(
        "incidents",
        ("incident", "hazard", "status", "at"),
        [
            (
                i["id"],
                text(f"notify.hazard.{i['hazard']}", spoken),
                text(f"notify.state.{i['state']}", spoken),
                local(i["opened_at"], zone),
            )
            for i in found["incidents"]
        ],
        spoken,
    )
    _section(
        "found_late",
        ("at", "hazard", "sensor_id", "why"),
        [
            (
                local(late["event_at"], zone),
                text(f"notify.hazard.{late['hazard']}", spoken),
                ", ".join(late["sensor_ids"]),
                late["reason"],
            )
            for late in found["found_late"]
        ],
        spoken,
    )


def local(instant: str | None, zone: ZoneInfo) -> str:
    """RFC 3339 as local time to the minute; "" for None."""
    if instant is None:
        return ""
    return datetime.fromisoformat(instant).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _fact(found: Mapping[str, Any], name: str, spoken: Language) -> str:
    if name == "position":
        return "" if found["lon"] is None else f"{found['lon']:.6f}, {found['lat']:.6f}"
    value = found[name]
    if value is None or value == "":
        return ""
    if name in ("low_lying", "fall_net"):
        return text("assets.yes" if value else "assets.no", spoken)
    if isinstance(value, float):
        return f"{value:g}"
    return _word(name, str(value), spoken)


def _word(group: str, value: str, spoken: Language) -> str:
    return catalogue(spoken).get(f"assets.{group}.{value}", value)


def _section(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]], spoken: Language) -> None:
    if rows:
        click.echo(text(f"assets.section.{name}", spoken))
        print_table([text(f"assets.column.{c}", spoken) for c in columns], rows)


def _baselines(latest: Mapping[str, Mapping[str, Any]], zone: ZoneInfo, spoken: Language) -> str:
    if not latest:
        return text("assets.no_baseline", spoken)
    return "; ".join(f"{q} {b['value']:g} ({local(b['at'], zone)})" for q, b in latest.items())


def _said(found: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The note, and the details a person can read."""
    parts = [found["note"]] if found["note"] else []
    for name, value in found["details"].items():
        if isinstance(value, list):
            parts.append(f"{name}: {value[0]} → {value[1]}")
        elif name in ("from", "to"):
            parts.append(f"{name} {local(value, zone)}")
        elif value not in (None, ""):
            parts.append(f"{name}: {value}")
    return "; ".join(parts)
