"""Answer links through the service's own application: message, page, button, and no further escalation."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from config.settings import Settings
from jingqiao.api.app import create_app
from jingqiao.clock import ManualClock
from jingqiao.service import Service
from tests.support.response import ROSTER, Phones, at, change


class ServedOffice:
    """The whole service on a told clock, and a phone that opens links."""

    def __init__(self, folder: Path) -> None:
        (folder / "roster.toml").write_text(f'answer_url = "https://jq.example"\n{ROSTER}', "utf-8")
        self.clock = ManualClock(at("03:00:00"))
        self.phones = Phones(self.clock)
        settings = Settings(data_dir=folder / "data", roster=folder / "roster.toml")
        self.service = Service(settings, self.clock, self.phones)
        app = create_app(self.service)
        self.browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://jq.example")

    async def lid_missing(self) -> str:
        """A lid is missing at 03:00:00; gives the link that the officer's phone got."""
        self.service.book.commit(1, [change()], self.clock.now())
        await self.service.dispatcher.tick(self.clock.now())
        (body,) = [body for _, to, _, body in self.phones.got if to == "张三"]
        (line,) = [line for line in body.splitlines() if "https://jq.example/a/" in line]
        return line.partition("https://jq.example")[2]

    async def minutes_pass(self, minutes: float) -> None:
        await self.clock.advance(minutes * 60)
        await self.service.dispatcher.tick(self.clock.now())


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[ServedOffice]:
    opened = ServedOffice(tmp_path)
    yield opened
    await opened.browser.aclose()
    await opened.service.close()


async def test_looking_does_not_answer_and_the_deputy_is_asked(office: ServedOffice) -> None:
    page = await office.browser.get(await office.lid_missing())
    assert (page.status_code, "<button" in page.text) == (200, True)
    await office.minutes_pass(6)
    assert "李四" in [to for _, to, *_ in office.phones.got]


async def test_the_button_answers_and_nobody_else_is_woken(office: ServedOffice) -> None:
    link = await office.lid_missing()
    page = await office.browser.post(link)
    assert (page.status_code, "已接警 张三" in page.text) == (200, True)
    await office.minutes_pass(20)
    assert [to for _, to, *_ in office.phones.got] == ["张三"]


async def test_the_second_touch_says_who_has_it(office: ServedOffice) -> None:
    link = await office.lid_missing()
    await office.browser.post(link)
    again = await office.browser.post(link)
    assert (again.status_code, "已接警 张三" in again.text, "<button" in again.text) == (200, True, False)


async def test_a_tampered_link_is_refused(office: ServedOffice) -> None:
    link = await office.lid_missing()
    flipped = link[:-1] + ("A" if link[-1] != "A" else "B")
    assert (await office.browser.post(flipped)).status_code == 403
    await office.minutes_pass(6)
    assert "李四" in [to for _, to, *_ in office.phones.got]


async def test_the_service_survives_a_page_that_fails(office: ServedOffice) -> None:
    """The rows are out of reach for a moment: the phone hears it in words, and the next touch answers."""
    link = await office.lid_missing()
    with office.service.database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE incident RENAME TO away"))
    page = await office.browser.post(link)
    assert (page.status_code, "请重试" in page.text) == (503, True)
    with office.service.database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO incident"))
    assert "已接警 张三" in (await office.browser.post(link)).text
