"""The rules' page: a draft is checked, tried, saved with a reason, and can be taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.messages import catalogue
from config.rules import RuleSet
from jingqiao.accounts.audit import entries
from jingqiao.console.pages.rules import keys_of
from jingqiao.console.parts import Parts
from jingqiao.database import reading
from jingqiao.rulebook.versions import versions
from tests.support.city_console import CityOffice
from tests.support.eventually import eventually
from tests.support.response import LID

TEXT = "# ours\n[lid]\ntilt_attention_deg = 8\n"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    path = tmp_path / "rules.toml"
    path.write_text(TEXT, "utf-8")

    def with_rules(parts: Parts) -> Parts:
        return replace(parts, settings=parts.settings.model_copy(update={"rules": path}))

    made = CityOffice(tmp_path, changed=with_rules)
    made.add_accounts()
    yield made
    made.close()


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


async def test_a_viewer_looks_and_changes_nothing(office: CityOffice, tmp_path: Path) -> None:
    async with office.logged_in("viewer") as client:
        page = (await client.get("/rules")).text
        assert "tilt_attention_deg" in page
        assert "limit:lid" not in page
        for path in ("/rules/draft", "/rules/preview", "/rules/save"):
            assert (await client.post(path, data={"text": "", "base": "x"})).status_code == 403
    async with office.logged_in("duty") as client:
        assert (await client.post("/rules/save", data={"text": "", "base": "x"})).status_code == 403
    assert (tmp_path / "rules.toml").read_text("utf-8") == TEXT


async def test_a_supervisor_drafts_saves_with_a_reason_and_goes_back(
    office: CityOffice, tmp_path: Path
) -> None:
    path = tmp_path / "rules.toml"
    async with office.logged_in("supervisor") as client:
        await client.get("/rules")
        form = {
            "text": TEXT,
            "limit:lid.tilt_attention_deg": "9",
            "limit:lid.tilt_defect_deg": "15",
            "where:category": "雨水井盖",
            "new_key": "lid.flood_mm",
            "new_value": "250",
        }
        draft = (await client.post("/rules/draft", data=form)).text
        assert "+tilt_attention_deg = 9" in draft
        assert "tilt_defect_deg" not in draft.split("<textarea")[0], "what is as it was is not written"
        base = hidden(draft, "base")
        assert path.read_text("utf-8") == TEXT, "a draft changes nothing"
        save = {"text": TEXT.replace("8", "9"), "base": base}
        assert (await client.post("/rules/save", data=save)).status_code == 422, "why is asked for"
        done = await client.post("/rules/save", data={**save, "why": "雨季放宽"})
        assert done.status_code == 303
        assert path.read_text("utf-8") == TEXT.replace("8", "9")
        late = await client.post("/rules/save", data={**save, "text": TEXT, "why": "x"})
        assert late.status_code == 409, "somebody saved meanwhile"
        with reading(office.database) as connection:
            known = versions(connection, 10)
            rows = [row for row in entries(connection, 20) if row["action"] == "rules.save"]
        assert [(v.who, v.why) for v in known] == [("li", "雨季放宽"), ("file", "")]
        assert rows[0]["details"]["why"] == "雨季放宽"
        page = (await client.get("/rules")).text
        assert "雨季放宽" in page
        old = (await client.get(f"/rules/versions/{known[1].id}")).text
        assert "-tilt_attention_deg = 9" in old
        back = (await client.post("/rules/draft", data={"whole": "1", "text": known[1].text})).text
        await client.post("/rules/save", data={"text": TEXT, "base": hidden(back, "base"), "why": "撤回"})
        assert path.read_text("utf-8") == TEXT
        assert (await client.get("/rules/versions/99")).status_code == 404


async def test_a_faulty_draft_is_named_line_by_line_and_never_saved(
    office: CityOffice, tmp_path: Path
) -> None:
    async with office.logged_in("supervisor") as client:
        wrong = {"text": TEXT, "limit:lid.tilt_attention_deg": "80"}
        answer = await client.post("/rules/draft", data=wrong)
        assert answer.status_code == 422
        assert "rules.toml" in answer.text
        whole = await client.post("/rules/draft", data={"whole": "1", "text": "[lid\n"})
        assert whole.status_code == 422
        saved = await client.post(
            "/rules/save", data={"text": "[lid]\nnothing = 1\n", "base": "x", "why": "y"}
        )
        assert saved.status_code == 422
    assert (tmp_path / "rules.toml").read_text("utf-8") == TEXT


async def test_a_change_by_hand_is_a_version_as_well(office: CityOffice, tmp_path: Path) -> None:
    async with office.logged_in("viewer") as client:
        await client.get("/rules")
        (tmp_path / "rules.toml").write_text(TEXT + "# by hand\n", "utf-8")
        assert "直接改了文件" in (await client.get("/rules")).text
    with reading(office.database) as connection:
        assert len(versions(connection, 10)) == 2


async def test_a_draft_is_tried_on_the_archive(office: CityOffice) -> None:
    office.measure(LID)
    deaf = "[lid]\nopen_deg = 179\ncarried_deg = 179\ntilt_attention_deg = 170\ntilt_defect_deg = 175\n"
    deaf += "tilt_urgent_deg = 178\n"
    async with office.logged_in("supervisor") as client:
        span = {"text": deaf, "since": "2026-08-01", "until": "2026-09-23"}
        first = (await client.post("/rules/preview", data=span)).text
        number = re.search(r"/rules/preview/(\d+)", first)
        assert number is not None or "两套规则各判断了" in first

        async def done() -> str:
            page = (await client.get("/rules/preview/1")).text
            return page if "两套规则各判断了" in page else ""

        page = await eventually(done, 60)
        assert "现行有、草稿没有" in page
        assert "张三" in page
        backwards = {**span, "until": "2026-07-01"}
        assert "结束早于开始" in (await client.post("/rules/preview", data=backwards)).text
        assert (
            "open_deg"
            in (await client.post("/rules/preview", data={**span, "text": "[lid]\nopen_deg=-1"})).text
        )
        assert (await client.get("/rules/preview/77")).status_code == 404


def test_every_limit_that_can_be_set_has_a_name_for_people() -> None:
    for language in ("zh", "en"):
        names = catalogue(language)
        assert [key for key in keys_of(RuleSet()) if f"console_city.limit.{key}" not in names] == []
