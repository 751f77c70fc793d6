"""What a drill is about: one asset of the registry or one team, and never a guess among several."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from config.roster import Roster
from devices.registry import Kind
from jingqiao.dossier.tables import asset
from jingqiao.roster.duty import teams_for

_SHOWN = 10


class TargetError(ValueError):
    """It is no target. key : sentence under `drill.refused`; values : what it needs."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(f"{key} {values}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the made-up danger is. asset_id : str  "" = a team is drilled, not an asset."""

    asset_id: str
    kind: str
    name: str
    district: str
    road: str
    lon: float | None
    lat: float | None


def asset_target(connection: sa.Connection, words: str) -> Target:
    """The one asset with this number, or whose number ends so, or whose name or road holds these words.

    Raises TargetError where there is none, or more than one: then it names them.
    """
    words = words.strip()
    if not words:
        raise TargetError("nothing")
    exact = connection.execute(sa.select(asset).where(asset.c.asset_id == words)).mappings().all()
    found = (
        exact
        or connection.execute(
            sa.select(asset)
            .where(
                sa.or_(
                    asset.c.asset_id.endswith(words, autoescape=True),
                    asset.c.name.contains(words, autoescape=True),
                    asset.c.road.contains(words, autoescape=True),
                )
            )
            .order_by(asset.c.asset_id)
            .limit(_SHOWN + 1)
        )
        .mappings()
        .all()
    )
    if not found:
        raise TargetError("unknown", words=words)
    if len(found) > 1:
        several = "; ".join(f"{row['asset_id']} {row['name']}".strip() for row in found[:_SHOWN])
        raise TargetError("ambiguous", words=words, several=several + (" …" if len(found) > _SHOWN else ""))
    row = found[0]
    return Target(
        row["asset_id"],
        Kind(row["kind"]).name.lower(),
        row["name"],
        row["district"],
        row["road"],
        row["lon"],
        row["lat"],
    )


def team_target(roster: Roster, team_id: str) -> Target:
    """A place that this team alone answers for. Raises TargetError where others answer for it too."""
    team = next((team for team in roster.teams if team.id == team_id), None)
    if team is None:
        raise TargetError("team", team=team_id, known=", ".join(own.id for own in roster.teams))
    district = team.districts[0] if team.districts else ""
    kind = team.kinds[0] if team.kinds else ""
    answering = [own.id for own in teams_for(roster, district, kind)]
    if answering != [team_id]:
        raise TargetError("several_teams", team=team_id, teams=", ".join(answering))
    return Target("", kind, team.name or team.id, district, "", None, None)
