"""What a message says: what, where and how bad in the first 60 characters, then how to go about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from urllib.parse import urlencode

from config.messages import Language, text
from jingqiao.incidents.incident import Incident
from jingqiao.incidents.view import reason_text
from rules.alarm import Severity

HEAD_CHARACTERS: Final = 60
"""What a locked phone shows of a message."""

_UNIT: Final[Mapping[str, str]] = {"deg": "°", "ue": " µε", "g": " g", "c": " °C"}


@dataclass(frozen=True, slots=True)
class Text:
    """A message in its parts; `fields` are short facts for template SMS."""

    title: str
    body: str
    fields: Mapping[str, str]


def compose(
    incident: Incident,
    kind: str,
    language: Language,
    zone: tzinfo,
    *,
    link: str | None = None,
    fallback: bool = False,
    **values: object,
) -> Text:
    """A message about an incident.

    kind : str  Sentence of `notify.kind` that says why this comes now; `step` = because it happened.
    link : str | None  Where to answer with one touch.
    fallback : bool  Whether it goes to somebody who is not on duty because nobody is.
    values : what the sentence needs.
    """
    severity = severity_name(incident.severity, language)
    hazard = text(f"notify.hazard.{incident.hazard}", language)
    where = place(incident, language)
    drill = text("notify.exercise", language) if incident.exercise else ""
    head = drill + text("notify.headline", language, severity=severity, hazard=hazard, place="")
    head += _shorten(where, HEAD_CHARACTERS - len(head))
    why_now = text(f"notify.kind.{kind}", language, **values)
    lines = [head, why_now, text("notify.fallback_note", language) if fallback else ""]
    if kind in ("step", "escalated", "repeated", "stalled", "raised", "refired", "assigned", "urged"):
        lines += _details(incident, language, zone)
        if not incident.alarm_firing:
            lines.append(text("notify.kind.cleared", language))
        if incident.unanswered_since is not None:
            if link is not None:
                lines.append(text("notify.answer_link", language, link=link))
            lines.append(text("notify.answer_cli", language, id=incident.id))
    return Text(
        title=drill + text("notify.title", language, severity=severity, hazard=hazard, id=incident.id),
        body="\n".join(line for line in lines if line),
        fields={
            "severity": severity,
            "hazard": drill + hazard,
            "place": _shorten(where, 20),
            "id": str(incident.id),
            "note": why_now,
        },
    )


def place(incident: Incident, language: Language) -> str:
    """Where it is: road, number or name, the end of the component code, district."""
    if incident.is_area:
        return f"{incident.name} {incident.district}".strip() or text("notify.nowhere", language)
    if not (incident.road or incident.name):
        sort, _, rest = incident.subject.partition(":")
        if sort in ("gateway", "sensor"):
            return text(f"notify.{sort}", language, id=rest)
        return incident.subject or text("notify.nowhere", language)
    where = incident.name if incident.road in incident.name else f"{incident.road} {incident.name}".strip()
    if incident.place_id:
        where += text("notify.code", language, code=incident.place_id[-6:])
    return f"{where} {incident.district}".strip()


def severity_name(severity: Severity, language: Language) -> str:
    """The colour in words."""
    return text(f"notify.severity.{severity.colour}", language)


def map_link(lon: float, lat: float, name: str) -> str:
    """A map that opens on any phone; the coordinates are WGS-84 and the link says so."""
    query = urlencode({"position": f"{lon:.6f},{lat:.6f}", "name": name, "coordinate": "wgs84"}, safe=",")
    return f"https://uri.amap.com/marker?{query}"


def _details(incident: Incident, language: Language, zone: tzinfo) -> list[str]:
    lines = []
    if incident.value is not None:
        value = quantity(incident.value, incident.unit)
        if incident.limit is None:
            lines.append(text("notify.measured_alone", language, value=value))
        else:
            limit = quantity(incident.limit, incident.unit)
            lines.append(text("notify.measured", language, value=value, limit=limit))
    since = datetime.fromtimestamp(incident.event_at / 1_000_000, zone)
    lines.append(
        text("notify.since", language, since=f"{since:%m-%d %H:%M:%S}")
        + (text("notify.provisional", language) if incident.provisional else "")
    )
    lines.append(text("notify.reason", language, reason=reason_text(incident, language)))
    lines.append(text("notify.bring_line", language, bring=text(f"notify.bring.{incident.hazard}", language)))
    if incident.lon is not None and incident.lat is not None:
        link = map_link(incident.lon, incident.lat, incident.name or incident.asset_id)
        lines.append(text("notify.map", language, link=link))
    return lines


def quantity(value: float, unit: str) -> str:
    """A measured value with its unit, in four digits."""
    return f"{value:.4g}{_UNIT.get(unit, f' {unit}' if unit else '')}"


def _shorten(value: str, characters: int) -> str:
    return value if len(value) <= characters else value[: max(characters - 1, 0)] + "…"
