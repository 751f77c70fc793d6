"""What other systems fetch: `/api/v1/cap` (an Atom feed of CAP 1.2 messages) and `/api/v1/cases`."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from config.roster import Roster
from config.settings import Settings
from jingqiao.api.access import Access
from jingqiao.database import reading
from jingqiao.exchange.cap import CapMessage, cap_xml
from jingqiao.exchange.case import NO_FACTS, case_record, facts_of
from jingqiao.exchange.tables import cap_message
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.incident import Incident, from_row
from jingqiao.incidents.store import find
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.incidents.tables import incident_transition
from jingqiao.incidents.view import rfc3339
from jingqiao.tokens.store import Scope

ATOM: Final = "http://www.w3.org/2005/Atom"
CAP_TYPE: Final = "application/cap+xml"
MOST: Final = 500
"""Rows in one answer."""


def exchange_routes(
    database: sa.Engine,
    settings: Settings,
    now: Callable[[], int],
    roster: Callable[[], Roster | None],
    version: str,
) -> APIRouter:
    """The routes of one service. roster : sets the limits of cases."""
    access = Access(database, now)
    router = APIRouter()

    def records_of(connection: sa.Connection, incidents: Sequence[Incident]) -> list[dict[str, Any]]:
        deadlines = deadlines_by(roster())
        history = _histories(connection, [incident.id for incident in incidents])
        facts = facts_of(connection, {incident.asset_id for incident in incidents})
        return [
            case_record(
                incident,
                history.get(incident.id, []),
                language=settings.language,
                zone=settings.zone,
                facts=facts.get(incident.asset_id, NO_FACTS),
                deadlines=deadlines(incident),
                now=now(),
            )
            for incident in incidents
        ]

    @router.get("/api/v1/cap", dependencies=[Depends(access.requires(Scope.CAP_READ))])
    def feed(
        request: Request,
        limit: int = Query(100, ge=1, le=MOST),
        before: int | None = Query(None, description="only messages older than this one's number"),
    ) -> Response:
        """The newest CAP messages, newest first, as an Atom feed; `rel="next"` leads to older ones."""
        _cap_or_404(settings)
        query = sa.select(cap_message).order_by(cap_message.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(cap_message.c.id < before)
        with reading(database) as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        base = str(request.base_url).rstrip("/")
        following = f"{base}/api/v1/cap?limit={limit}&before={rows[-1]['id']}" if len(rows) == limit else None
        document = _atom(rows, settings, base, following, now())
        return Response(document, media_type="application/atom+xml; charset=utf-8")

    @router.get("/api/v1/cap/{identifier}", dependencies=[Depends(access.requires(Scope.CAP_READ))])
    def message(identifier: str) -> Response:
        """One CAP message."""
        _cap_or_404(settings)
        query = sa.select(cap_message.c.document).where(cap_message.c.identifier == identifier)
        with reading(database) as connection:
            document = connection.execute(query).scalar()
        if document is None:
            raise HTTPException(404, "no CAP message of that identifier")
        return Response(cap_xml(CapMessage.of_document(document)), media_type=CAP_TYPE)

    @router.get("/api/v1/cases", dependencies=[Depends(access.requires(Scope.CASES_READ))])
    def cases(
        changed_since: datetime | None = None,
        after: str = Query("", description="`next` of the answer before"),
        stage: Literal["", "filed", "dispatched", "handling", "checking", "closed", "void"] = "",
        limit: int = Query(100, ge=1, le=MOST),
    ) -> dict[str, Any]:
        """Case records in the order in which they changed; `after` = the answer's `next` gives what follows.

        changed_since : RFC 3339 with an offset.
        """
        moment, number = _cursor(after, changed_since)
        changed = incident_table.c.changed_at
        query = (
            sa.select(incident_table)
            .where(sa.or_(changed > moment, sa.and_(changed == moment, incident_table.c.id > number)))
            .order_by(changed, incident_table.c.id)
            .limit(limit)
        )
        with reading(database) as connection:
            found = [from_row(dict(row)) for row in connection.execute(query).mappings()]
            records = records_of(connection, found)
        last = f"{found[-1].changed_at}.{found[-1].id}" if found else after or f"{moment}.{number}"
        return {
            "version": version,
            "cases": [record for record in records if not stage or record["stage"] == stage],
            "next": last,
            "more": len(found) == limit,
        }

    @router.get("/api/v1/cases/{incident_id}", dependencies=[Depends(access.requires(Scope.CASES_READ))])
    def case(incident_id: int) -> dict[str, Any]:
        """The case of one incident."""
        with reading(database) as connection:
            incident = find(connection, incident_id)
            if incident is None:
                raise HTTPException(404, "no incident of that number")
            return records_of(connection, [incident])[0]

    return router


def _cap_or_404(settings: Settings) -> None:
    if settings.cap is None:
        raise HTTPException(404, "CAP is not switched on; write [cap] into jingqiao.toml")


def _cursor(after: str, changed_since: datetime | None) -> tuple[int, int]:
    """(changed_at, id) behind which to go on."""
    if after:
        moment, _, number = after.partition(".")
        if moment.isdecimal() and number.isdecimal() and len(after) < 40:
            return int(moment), int(number)
        raise HTTPException(422, "`after` is the `next` of an earlier answer")
    if changed_since is None:
        return 0, 0
    if changed_since.tzinfo is None:
        raise HTTPException(422, "changed_since needs an offset, e.g. 2026-09-23T03:00:00%2B08:00")
    return round((changed_since - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000) - 1, 0


def _histories(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[Mapping[str, Any]]]:
    query = (
        sa.select(incident_transition)
        .where(incident_transition.c.incident_id.in_(ids))
        .order_by(incident_transition.c.id)
    )
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["incident_id"], []).append(dict(row))
    return found


def _atom(
    rows: Sequence[Mapping[str, Any]], settings: Settings, base: str, following: str | None, now: int
) -> bytes:
    feed = ET.Element("feed", {"xmlns": ATOM})
    assert settings.cap is not None
    _text(feed, "id", f"{base}/api/v1/cap")
    _text(feed, "title", "Jingqiao 井桥 CAP 1.2")
    _text(feed, "updated", rfc3339(rows[0]["sent_at"] if rows else now) or "")
    author = ET.SubElement(feed, "author")
    _text(author, "name", settings.cap.sender_name or settings.cap.sender)
    ET.SubElement(feed, "link", {"rel": "self", "href": f"{base}/api/v1/cap"})
    if following is not None:
        ET.SubElement(feed, "link", {"rel": "next", "href": following})
    for row in rows:
        message = CapMessage.of_document(row["document"])
        words = next(iter(message.info.values()))
        entry = ET.SubElement(feed, "entry")
        link = f"{base}/api/v1/cap/{quote(message.identifier)}"
        _text(entry, "id", link)
        _text(entry, "title", f"[{message.kind}] {words['headline']}")
        _text(entry, "updated", rfc3339(row["sent_at"]) or "")
        _text(entry, "summary", words["description"])
        ET.SubElement(entry, "category", {"term": message.status})
        ET.SubElement(entry, "link", {"rel": "alternate", "type": CAP_TYPE, "href": link})
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _text(parent: ET.Element, name: str, words: str) -> None:
    ET.SubElement(parent, name).text = "".join(sign for sign in words if sign >= " ")
