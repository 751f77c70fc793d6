"""A warning in the Common Alerting Protocol 1.2 (OASIS, urn:oasis:names:tc:emergency:cap:1.2). Pure.

Our grades are the office's own and no statutory 预警: the scope is Restricted, and the restriction says so.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from config.exchange import CapSettings
from config.messages import Language, text
from jingqiao.exchange.shape import Point, circle_around, hull
from jingqiao.incidents.incident import Incident, State
from jingqiao.incidents.view import reason_text
from jingqiao.notify.text import place, severity_name
from rules.alarm import Hazard, Severity

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
Kind = Literal["Alert", "Update", "Cancel"]

DANGERS: Final = (
    Hazard.MISSING,
    Hazard.TILTED,
    Hazard.SUNKEN,
    Hazard.LOOSE,
    Hazard.DAMAGED,
    Hazard.FLOODED,
    Hazard.OVERLOAD,
    Hazard.DRIFT,
    Hazard.STRAIN_LIMIT,
)
"""Hazards to people; a silent sensor or a low battery is the office's own affair."""
ONE_LID_KM: Final = 0.05
"""Radius of the circle around a single place [km]."""
_SEVERITY: Final = {
    Severity.RED: "Extreme",
    Severity.ORANGE: "Severe",
    Severity.YELLOW: "Moderate",
    Severity.BLUE: "Minor",
}
_URGENCY: Final = {
    Severity.RED: "Immediate",
    Severity.ORANGE: "Immediate",
    Severity.YELLOW: "Expected",
    Severity.BLUE: "Future",
}
_LANGUAGES: Final[tuple[tuple[Language, str], ...]] = (("zh", "zh-CN"), ("en", "en-US"))
_AVOID: Final = frozenset(DANGERS) - {Hazard.LOOSE, Hazard.DRIFT}


@dataclass(frozen=True, slots=True)
class CapMessage:
    """One message as it was issued.

    references : `sender,identifier,sent` of the earlier messages of this warning.
    note : Why it ends, where it does.
    info : language → its words: event, headline, description, instruction, area.
    points : (lon, lat) in WGS-84 of what it is about; () where nobody knows.
    """

    identifier: str
    sender: str
    sent: str
    status: Literal["Actual", "Exercise"]
    kind: Kind
    references: Sequence[str]
    note: str
    incident: str
    hazard: str
    grade: str
    response: str
    urgency: str
    severity: str
    certainty: str
    onset: str
    sender_name: str
    contact: str
    asset_id: str
    value: str
    info: Mapping[str, Mapping[str, str]]
    points: Sequence[Point]

    @property
    def reference(self) -> str:
        """How later messages name this one."""
        return f"{self.sender},{self.identifier},{self.sent}"

    def as_document(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> CapMessage:
        """From `as_document`."""
        values = dict(document) | {"points": tuple((lon, lat) for lon, lat in document["points"])}
        return cls(**values)


def issued(
    incident: Incident,
    kind: Kind,
    number: int,
    *,
    settings: CapSettings,
    zone: tzinfo,
    now: int,
    earlier: Sequence[CapMessage],
    points: Sequence[Point],
) -> CapMessage:
    """The message about an incident as it is now.

    number : int  Makes the identifier unique: the transition's.
    earlier : The messages of this warning so far, oldest first.
    """
    over = kind == "Cancel"
    note = ""
    if over:
        false_alarm = incident.state is State.FALSE_ALARM
        key = "false_alarm" if false_alarm else "drill_over" if incident.exercise else "over"
        note = text(f"exchange.{key}", "zh")
    return CapMessage(
        identifier=f"jingqiao.{incident.id}.{number}",
        sender=settings.sender,
        sent=cap_time(now, zone),
        status="Exercise" if incident.exercise else "Actual",
        kind=kind,
        references=[message.reference for message in earlier],
        note=note,
        incident=f"incident-{incident.id}",
        hazard=incident.hazard.value,
        grade=incident.severity.colour,
        response="AllClear" if over else "Avoid" if incident.hazard in _AVOID else "Monitor",
        urgency="Past" if over else _URGENCY[incident.severity],
        severity=_SEVERITY[incident.severity],
        certainty=_certainty(incident),
        onset=cap_time(incident.event_at, zone),
        sender_name=settings.sender_name,
        contact=settings.contact,
        asset_id=incident.asset_id,
        value="" if incident.value is None else f"{incident.value:g} {incident.unit}".strip(),
        info={tag: _words(incident, language, over=over) for language, tag in _LANGUAGES},
        points=list(points),
    )


def cap_xml(message: CapMessage) -> bytes:
    """The message as XML, elements in the schema's order."""
    alert = ET.Element("alert", {"xmlns": NAMESPACE})
    _add(alert, "identifier", message.identifier)
    _add(alert, "sender", message.sender)
    _add(alert, "sent", message.sent)
    _add(alert, "status", message.status)
    _add(alert, "msgType", message.kind)
    _add(alert, "scope", "Restricted")
    _add(alert, "restriction", text("exchange.restriction", "zh"))
    _add(alert, "note", message.note)
    _add(alert, "references", " ".join(message.references))
    _add(alert, "incidents", message.incident)
    for tag, words in message.info.items():
        _info(alert, message, tag, words)
    document: bytes = ET.tostring(alert, encoding="utf-8", xml_declaration=True)
    return document


def cap_time(at: int, zone: tzinfo) -> str:
    """µs since 1970 UTC as CAP wants it: to the second, with the offset and never with Z."""
    return datetime.fromtimestamp(at // 1_000_000, zone).isoformat(timespec="seconds")


def _info(alert: ET.Element, message: CapMessage, tag: str, words: Mapping[str, str]) -> None:
    info = ET.SubElement(alert, "info")
    _add(info, "language", tag)
    for category in ("Infra", "Safety"):
        _add(info, "category", category)
    _add(info, "event", words["event"])
    _add(info, "responseType", message.response)
    _add(info, "urgency", message.urgency)
    _add(info, "severity", message.severity)
    _add(info, "certainty", message.certainty)
    _pair(info, "eventCode", "jingqiao:hazard", message.hazard)
    _add(info, "effective", message.sent)
    _add(info, "onset", message.onset)
    _add(info, "senderName", message.sender_name)
    _add(info, "headline", words["headline"])
    _add(info, "description", words["description"])
    _add(info, "instruction", words["instruction"])
    _add(info, "contact", message.contact)
    _pair(info, "parameter", "jingqiao:grade", message.grade)
    if message.value:
        _pair(info, "parameter", "jingqiao:value", message.value)
    area = ET.SubElement(info, "area")
    _add(area, "areaDesc", words["area"])
    ring = hull(message.points)
    if ring:
        _add(area, "polygon", " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in ring))
    elif message.points:
        (lon, lat), radius_km = circle_around(message.points, ONE_LID_KM)
        _add(area, "circle", f"{lat:.6f},{lon:.6f} {radius_km:.3f}")
    if message.asset_id:
        _pair(area, "geocode", "GB/T 30428.2", message.asset_id)
        if message.asset_id[:6].isdecimal():
            _pair(area, "geocode", "GB/T 2260", message.asset_id[:6])


def _words(incident: Incident, language: Language, *, over: bool) -> dict[str, str]:
    hazard = text(f"notify.hazard.{incident.hazard}", language)
    where = place(incident, language)
    grade = severity_name(incident.severity, language)
    headline = text("exchange.headline_over" if over else "exchange.headline", language, hazard=hazard)
    return {
        "event": hazard,
        "headline": f"{headline} {where}"[:160],
        "description": text(
            "exchange.description", language, grade=grade, reason=reason_text(incident, language)
        ),
        "instruction": "" if over else text(f"exchange.instruction.{_advice(incident)}", language),
        "area": where,
    }


def _advice(incident: Incident) -> str:
    if incident.kind == "bridge":
        return "bridge"
    return "water" if incident.hazard is Hazard.FLOODED else "lid"


def _certainty(incident: Incident) -> str:
    if incident.state is State.FALSE_ALARM:
        return "Unlikely"
    return "Likely" if incident.provisional else "Observed"


def _add(parent: ET.Element, name: str, words: str) -> None:
    """An element; none where there is nothing to say. What XML cannot hold is left out."""
    if words:
        ET.SubElement(parent, name).text = "".join(sign for sign in words if sign >= " " or sign in "\n\t")


def _pair(parent: ET.Element, name: str, value_name: str, value: str) -> None:
    element = ET.SubElement(parent, name)
    _add(element, "valueName", value_name)
    _add(element, "value", value)
