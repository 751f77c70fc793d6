"""Announced work: when it is, who asked for it, whether the rules know of it, and what it muted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from config.messages import Language
from jingqiao.dossier.plain import instant_text
from jingqiao.dossier.tables import control_request
from jingqiao.incidents.muted import Muted
from jingqiao.incidents.muted import as_json as muted_as_json

WORK: Final = ("permit", "intervention")


@dataclass(frozen=True, slots=True)
class Permit:
    """Announced work at an asset.

    id : int  Number of the request. kind : permit (a lid is opened) or intervention (on bridge or sensor).
    from_at, to_at, requested_at : int  [µs since 1970 UTC]
    in_force : The rules have heard of it.
    """

    id: int
    asset_id: str
    kind: str
    from_at: int
    to_at: int
    note: str
    who: str
    requested_at: int
    in_force: bool

    def runs(self, now: int) -> bool:
        """Whether the work goes on at a moment."""
        return self.from_at <= now < self.to_at


def permits(
    connection: sa.Connection,
    *,
    asset_id: str | None = None,
    ends_after: int | None = None,
    ids: Sequence[int] | None = None,
) -> list[Permit]:
    """Announced work, the newest first: of one asset, not over by a time [µs], of these numbers."""
    table = control_request
    query = sa.select(table).where(table.c.name.in_(WORK)).order_by(table.c.id.desc())
    if asset_id is not None:
        query = query.where(table.c.payload["asset_id"].as_string() == asset_id)
    if ends_after is not None:
        query = query.where(sa.cast(table.c.payload["to"].as_string(), sa.BigInteger) > ends_after)
    if ids is not None:
        query = query.where(table.c.id.in_(ids))
    return [_permit(row) for row in connection.execute(query).mappings()]


def as_json(permit: Permit, muted: Sequence[Muted], now: int, language: Language) -> dict[str, Any]:
    """One permit, JSON-ready, with what it mutes at this moment (`muted`) and how much in all."""
    return {
        "id": permit.id,
        "asset_id": permit.asset_id,
        "kind": permit.kind,
        "from": instant_text(permit.from_at),
        "to": instant_text(permit.to_at),
        "note": permit.note,
        "who": permit.who,
        "requested_at": instant_text(permit.requested_at),
        "in_force": permit.in_force,
        "muted": [muted_as_json(item, language) for item in muted if permit.runs(now) and item.until is None],
        "muted_count": len(muted),
    }


def _permit(row: Mapping[Any, Any]) -> Permit:
    payload = row["payload"]
    return Permit(
        id=row["id"],
        asset_id=payload["asset_id"],
        kind=row["name"],
        from_at=payload["from"],
        to_at=payload["to"],
        note=payload["note"],
        who=row["who"],
        requested_at=row["requested_at"],
        in_force=row["taken_seq"] is not None,
    )
