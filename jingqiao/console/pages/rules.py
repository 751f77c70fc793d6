"""The rules: limits by class and asset, a preview of what others would have rung for, and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.datastructures import FormData
from tomlkit.exceptions import TOMLKitError

from config.faults import Fault
from config.rules import RuleSet, Where
from jingqiao.console.city import CityOf
from jingqiao.console.page import Page, SupervisorPage, ViewerPage
from jingqiao.console.templates_ import local
from jingqiao.database import reading, writing
from jingqiao.reports.span import span_of
from jingqiao.rulebook import versions
from jingqiao.rulebook.draft import LONGEST, NewOverride, edited, judged, put_in_place

router = APIRouter()

PARTS: Final = ("lid", "health", "bridge")
VERSIONS_SHOWN: Final = 30
DIFFERENCES_SHOWN: Final = 100

Text = Annotated[str, Form(max_length=LONGEST)]


@router.get("/rules")
def show(page: ViewerPage, city: CityOf) -> Response:
    """The page."""
    text = text_now(page)
    rules, faults = city.judged(text, _file_name(page))
    with reading(page.parts.database) as connection:
        known = versions.versions(connection, VERSIONS_SHOWN)
    return page.show(
        "rules.html",
        writable=page.parts.settings.rules is not None,
        file=_file_name(page),
        text=text,
        base=versions.digest_of(text),
        faults=faults,
        parts={part: limits_of(getattr(rules, part)) for part in PARTS} if rules else {},
        overrides=rules.override if rules else (),
        where_keys=tuple(Where.model_fields),
        keys=keys_of(rules or RuleSet()),
        versions=known,
    )


@router.get("/rules/versions/{number}")
def version(page: ViewerPage, number: int) -> Response:
    """One version: its text, and how it differs from what holds now."""
    with reading(page.parts.database) as connection:
        found = versions.version(connection, number)
    if found is None:
        raise HTTPException(404, f"no version {number}")
    text = text_now(page)
    return page.show(
        "rules_version.html",
        version=found,
        base=versions.digest_of(text),
        difference=list(versions.difference(text, found.text)),
        writable=page.parts.settings.rules is not None,
    )


@router.post("/rules/draft")
async def draft(page: SupervisorPage, request: Request) -> Response:
    """What the form would make of the file: its faults and differences, to be tried and saved."""
    form = await request.form()
    return await run_in_threadpool(_drafted, page, form)


@router.post("/rules/preview")
def preview(
    page: SupervisorPage,
    city: CityOf,
    text: Text,
    since: Annotated[date, Form()],
    until: Annotated[date, Form()],
) -> Response:
    """Begin a preview of a draft over some days of the archive."""
    after, faults = judged(text, _file_name(page), page.parts.registry())
    before, _ = judged(text_now(page), _file_name(page), page.parts.registry())
    if after is None or before is None:
        return page.show("rules_preview.html", preview=None, faults=faults)
    start, end = span_of("daily", since, page.zone).start, span_of("daily", until, page.zone).end
    if end <= start:
        fault = Fault("", None, "", page.say("console_city.rules.span_wrong"), "")
        return page.show("rules_preview.html", preview=None, faults=[fault])
    return page.show(
        "rules_preview.html", faults=[], **_shown(page, city.previews.start(before, after, start, end))
    )


@router.get("/rules/preview/{number}")
def preview_now(page: SupervisorPage, city: CityOf, number: int) -> Response:
    """How far a preview is, or what it found."""
    found = city.previews.get(number)
    if found is None:
        raise HTTPException(404, f"no preview {number}")
    return page.show("rules_preview.html", faults=[], **_shown(page, found))


@router.post("/rules/save")
def save(
    page: SupervisorPage,
    text: Text,
    base: Annotated[str, Form(max_length=12)],
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Put a draft in place; the running service takes it within seconds."""
    path = page.parts.settings.rules
    if path is None:
        return page.refuse(409, page.say("console_city.rules.no_file"))
    text = text.replace("\r\n", "\n")
    now = page.parts.clock.now()
    before = text_now(page)
    _, faults = judged(text, _file_name(page), page.parts.registry())
    if faults:
        return page.show("rules_draft.html", status=422, **_draft(page, text, faults))
    if versions.digest_of(before) != base:
        return page.refuse(409, page.say("console_city.rules.changed_meanwhile"))
    if not why.strip():
        return page.refuse(422, page.say("console_city.rules.why_needed"))
    try:
        put_in_place(path, text)
    except OSError as error:
        return page.refuse(500, page.say("console_city.rules.not_written", reason=error.strerror))
    with writing(page.parts.database) as connection:
        versions.note(connection, text, at=now, who=page.who, why=why.strip())
        audit = page.audited("rules.save", f"rules:{versions.digest_of(text)}", before=base, why=why.strip())
        audit(connection, 0)
    return page.go_to("/rules")


def limits_of(rules: BaseModel) -> list[dict[str, Any]]:
    """Limits of one part that are numbers: name, value, default, and whether it differs."""
    found = []
    for name, field in type(rules).model_fields.items():
        value = getattr(rules, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        found.append({"name": name, "value": value, "default": field.default, "own": value != field.default})
    return found


def keys_of(rules: RuleSet) -> list[str]:
    """Keys that an override can set."""
    return [f"{part}.{limit['name']}" for part in PARTS for limit in limits_of(getattr(rules, part))]


def _drafted(page: Page, form: FormData) -> Response:
    told = {key: str(value) for key, value in form.items()}
    text = told.get("text", "")[:LONGEST].replace("\r\n", "\n")
    if told.get("whole") != "1":
        try:
            text = _text_of(page, text, told, [str(item) for item in form.getlist("remove")])
        except (TOMLKitError, ValueError) as error:
            return page.refuse(422, str(error))
    _, faults = judged(text, _file_name(page), page.parts.registry())
    return page.show("rules_draft.html", status=422 if faults else 200, **_draft(page, text, faults))


def _text_of(page: Page, text: str, told: Mapping[str, str], removed: list[str]) -> str:
    rules, _ = judged(text, "", page.parts.registry())
    now = {
        f"{part}.{limit['name']}": limit
        for part in PARTS
        for limit in limits_of(getattr(rules or RuleSet(), part))
    }
    limits = {}
    for key, limit in now.items():
        wanted = told.get(f"limit:{key}")
        if wanted is not None and wanted.strip() != f"{limit['value']:g}":
            limits[key] = wanted
    new = None
    if told.get("new_key") and told.get("new_value", "").strip():
        where = {
            key: told[f"where:{key}"].strip()
            for key in Where.model_fields
            if told.get(f"where:{key}", "").strip()
        }
        new = NewOverride(where, told["new_key"], told["new_value"])
    return edited(text, limits, new, [int(number) for number in removed if number.isdigit()])


def _draft(page: Page, text: str, faults: list[Fault]) -> dict[str, Any]:
    before = text_now(page)
    today = page.parts.clock.now()
    zone: ZoneInfo = page.zone

    last = local(today, zone).date()
    return {
        "text": text,
        "base": versions.digest_of(before),
        "faults": faults,
        "difference": list(versions.difference(before, text)),
        "since": date.fromordinal(last.toordinal() - 7).isoformat(),
        "until": last.isoformat(),
        "has_archive": page.parts.archive is not None,
        "writable": page.parts.settings.rules is not None,
    }


def _shown(page: Page, preview: Any) -> dict[str, Any]:
    trouble = ""
    if preview.trouble is not None:
        key, values = preview.trouble
        trouble = page.say(f"console_city.rules.preview.{key}", **values)
    roster = page.parts.roster()
    names = {id_: person.name for id_, person in roster.people.items()}
    return {"preview": preview, "trouble": trouble, "names": names, "most": DIFFERENCES_SHOWN}


def _file_name(page: Page) -> str:
    path = page.parts.settings.rules
    return path.name if path is not None else "rules.toml"


def text_now(page: Page) -> str:
    """The file's text; one that was changed by hand is noted as a version of its own."""
    path = page.parts.settings.rules
    if path is None:
        return ""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        at = path.stat().st_mtime_ns // 1000
    except (OSError, UnicodeDecodeError):
        return ""
    with reading(page.parts.database) as connection:
        newest = versions.newest(connection)
    if newest is None or newest.digest != versions.digest_of(text):
        with writing(page.parts.database) as connection:
            versions.note(connection, text, at=at, who=versions.BY_HAND, why="")
    return text
