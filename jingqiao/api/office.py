"""The duty office by the API: who is on, what was sent, accounts and the audit log."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field, SecretStr

from config.messages import text
from jingqiao.accounts import accounts, audit
from jingqiao.accounts.accounts import AccountError, Actor
from jingqiao.accounts.passwords import WeakPasswordError
from jingqiao.accounts.role import Role
from jingqiao.accounts.view import account_json
from jingqiao.api.caller import AccountKeeper, Auditor, MessageReader, RosterKeeper, RosterReader
from jingqiao.console.drilling import end_for, start_for
from jingqiao.console.pages.now import on_duty
from jingqiao.console.parts import Parts, PartsOf
from jingqiao.console.rostering import override_for, swap_for, withdraw_for
from jingqiao.console.visitor import Visitor
from jingqiao.database import reading
from jingqiao.drills.drill import DrillError, drills
from jingqiao.drills.report import drill_report
from jingqiao.drills.target import TargetError
from jingqiao.incidents.view import rfc3339
from jingqiao.notify.mailbox import letters
from jingqiao.notify.outbox import MessageState
from jingqiao.notify.view import message_json
from jingqiao.roster.overrides import OverrideError, overrides
from jingqiao.roster.week import monday_of
from jingqiao.roster.week import week as weeks_of
from rules.alarm import Hazard, Severity

router = APIRouter(prefix="/api/v1", tags=["office"])


class NewAccount(BaseModel):
    """An account to be made. person : id in the roster. password : none = only OpenID Connect."""

    name: str = Field(max_length=64)
    role: Role
    password: SecretStr | None = None
    display_name: str = Field(default="", max_length=128)
    person: str | None = None


class AccountChange(BaseModel):
    """What to change; what is left out stays. person : "" = nobody."""

    role: Role | None = None
    display_name: str | None = Field(default=None, max_length=128)
    person: str | None = None
    disabled: bool | None = None
    password: SecretStr | None = None


class NewSwap(BaseModel):
    """`other` has the duty of `one`, and in the time back, where there is one, the other way round."""

    team: str
    one: str
    other: str
    from_at: AwareDatetime
    until_at: AwareDatetime
    back_from: AwareDatetime | None = None
    back_until: AwareDatetime | None = None
    why: str = Field(default="", max_length=256)


class NewOverride(BaseModel):
    """A change of the roster: people in place of everybody, of `instead_of` alone, or (`extra`) beside."""

    team: str
    from_at: AwareDatetime
    until_at: AwareDatetime
    people: list[str] = Field(min_length=1, max_length=20)
    instead_of: str | None = None
    extra: bool = False
    why: str = Field(default="", max_length=1000)


class NewDrill(BaseModel):
    """A drill. asset : its number, or words of it; "" = the team is drilled."""

    asset: str = Field(default="", max_length=256)
    team: str = ""
    hazard: Hazard = Hazard.MISSING
    severity: Literal["red", "orange", "yellow", "blue"] = "red"
    minutes: float = Field(default=60, gt=0, le=1440)
    why: str = Field(default="", max_length=1000)


@router.get("/duty")
def duty(parts: PartsOf, caller: RosterReader) -> list[dict[str, Any]]:  # noqa: ARG001 - admits
    """Who is on duty now, team by team."""
    found = on_duty(parts.roster(), parts.clock.now())
    return [{"team": d.team, "people": list(d.people), "until": rfc3339(d.until)} for d in found]


@router.get("/roster/week")
def week(
    parts: PartsOf,
    caller: RosterReader,  # noqa: ARG001 - admits
    begin: date | None = None,
) -> list[dict[str, Any]]:
    """Seven days from `begin` on (this week's Monday where not said), team by team; nobody = a gap."""
    roster = parts.roster()
    first = begin or monday_of(roster, parts.clock.now())
    return [
        {
            "team": own.team.id,
            "from": rfc3339(piece.start),
            "to": rfc3339(piece.end),
            "people": list(piece.duty.people),
            "because": piece.duty.because,
            "note": piece.duty.note,
        }
        for own in weeks_of(roster, first)
        for day in own.days
        for piece in day.pieces
    ]


@router.get("/roster/overrides")
def changes(parts: PartsOf, caller: RosterReader) -> list[dict[str, Any]]:  # noqa: ARG001 - admits
    """Changes of the roster that hold now or later."""
    with reading(parts.database) as connection:
        rows = overrides(connection, parts.clock.now())
    return [
        asdict(row) | {name: rfc3339(getattr(row, name)) for name in ("from_at", "until_at", "created_at")}
        for row in rows
    ]


@router.post("/roster/overrides", status_code=201)
def override(parts: PartsOf, caller: RosterKeeper, wanted: NewOverride) -> dict[str, int]:
    """Put people on duty for a time; gives the change's number."""
    try:
        number = override_for(
            parts,
            caller,
            team=wanted.team,
            from_at=_micros(wanted.from_at),
            until_at=_micros(wanted.until_at),
            people=wanted.people,
            instead_of=wanted.instead_of,
            extra=wanted.extra,
            why=wanted.why,
        )
    except OverrideError as error:
        raise HTTPException(422, text(f"roster.refused.{error.key}", "en", **error.values)) from None
    return {"id": number}


@router.post("/roster/swaps", status_code=201)
def exchange(parts: PartsOf, caller: RosterKeeper, wanted: NewSwap) -> dict[str, list[int]]:
    """`other` takes the duty of `one`, and the other way round in the time back: both or neither."""
    if (wanted.back_from is None) != (wanted.back_until is None):
        raise HTTPException(422, "back_from and back_until belong together")
    back = None
    if wanted.back_from is not None and wanted.back_until is not None:
        back = _micros(wanted.back_from), _micros(wanted.back_until)
    try:
        numbers = swap_for(
            parts,
            caller,
            team=wanted.team,
            one=wanted.one,
            other=wanted.other,
            first=(_micros(wanted.from_at), _micros(wanted.until_at)),
            back=back,
            why=wanted.why,
        )
    except OverrideError as error:
        raise HTTPException(422, text(f"roster.refused.{error.key}", "en", **error.values)) from None
    return {"ids": numbers}


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


@router.delete("/roster/overrides/{number}", status_code=204)
def withdraw(parts: PartsOf, caller: RosterKeeper, number: int) -> None:
    """Take a change back."""
    if not withdraw_for(parts, caller, number):
        raise HTTPException(404, f"no change {number} that holds")


@router.get("/drills")
def held(parts: PartsOf, caller: MessageReader) -> list[dict[str, Any]]:  # noqa: ARG001 - admits
    """All drills, newest first, each with its report."""
    with reading(parts.database) as connection:
        return [drill_report(connection, drill, parts.roster()) for drill in drills(connection)]


@router.post("/drills", status_code=201)
def drill(parts: PartsOf, caller: RosterKeeper, wanted: NewDrill) -> dict[str, int]:
    """Begin a drill at an asset, or for a team; gives its number and its incident's."""
    try:
        begun = start_for(
            parts,
            caller,
            asset=wanted.asset,
            team=wanted.team,
            hazard=wanted.hazard,
            severity=Severity[wanted.severity.upper()],
            minutes=wanted.minutes,
            why=wanted.why,
        )
    except (TargetError, DrillError) as error:
        raise HTTPException(409, text(f"drill.refused.{error.key}", "en", **error.values)) from None
    return {"id": begun.id, "incident_id": begun.incident_id}


@router.post("/drills/{number}/end")
def end_of_drill(parts: PartsOf, caller: RosterKeeper, number: int) -> dict[str, int]:
    """End a drill."""
    try:
        end_for(parts, caller, number)
    except DrillError as error:
        raise HTTPException(409, text(f"drill.refused.{error.key}", "en", **error.values)) from None
    return {"id": number}


@router.get("/messages")
def messages(
    parts: PartsOf,
    caller: MessageReader,  # noqa: ARG001 - admits
    state: MessageState | None = None,
    person: str = "",
    incident: int | None = None,
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Messages with their tries, newest first. before : only ids smaller than this, for the next page."""
    with reading(parts.database) as connection:
        found = letters(
            connection, limit, before=before, state=state or "", person=person, incident_id=incident
        )
    return [message_json(letter.message, letter.attempts) for letter in found]


@router.get("/accounts")
def listed(parts: PartsOf, caller: AccountKeeper) -> list[dict[str, Any]]:  # noqa: ARG001 - admits
    """All accounts, without passwords."""
    return [account_json(item) for item in accounts.listed(parts.database)]


@router.post("/accounts", status_code=201)
def add(parts: PartsOf, caller: AccountKeeper, wanted: NewAccount) -> dict[str, Any]:
    """Make an account. 422 with the reason where that cannot be."""
    _known(parts, wanted.person)
    try:
        made = accounts.add(
            parts.database,
            _actor(parts, caller),
            name=wanted.name,
            role=wanted.role,
            password=None if wanted.password is None else wanted.password.get_secret_value(),
            display_name=wanted.display_name,
            person=wanted.person,
        )
    except (AccountError, WeakPasswordError) as error:
        raise HTTPException(422, str(error)) from None
    return account_json(made)


@router.patch("/accounts/{name}")
def change(parts: PartsOf, caller: AccountKeeper, name: str, wanted: AccountChange) -> dict[str, Any]:
    """Change an account; whoever loses rights is logged out."""
    _known(parts, wanted.person)
    password = wanted.password
    try:
        changed = accounts.change(
            parts.database,
            _actor(parts, caller),
            name,
            role=wanted.role,
            display_name=wanted.display_name,
            person=wanted.person,
            disabled=wanted.disabled,
            password=None if password is None else password.get_secret_value(),
        )
    except (AccountError, WeakPasswordError) as error:
        raise HTTPException(422, str(error)) from None
    return account_json(changed)


@router.get("/audit")
def log(
    parts: PartsOf,
    caller: Auditor,  # noqa: ARG001 - admits
    who: str = "",
    subject: str = "",
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Who did what, newest first."""
    with reading(parts.database) as connection:
        rows = audit.entries(connection, limit, before=before, who=who, subject=subject)
    return [dict(row) | {"at": rfc3339(row["at"])} for row in rows]


def _known(parts: Parts, person: str | None) -> None:
    if person and person not in parts.roster().people:
        raise HTTPException(422, f"the roster has nobody with the id {person!r}")


def _actor(parts: Parts, caller: Visitor) -> Actor:
    return Actor(caller.name, parts.door_clock.now(), caller.address)
