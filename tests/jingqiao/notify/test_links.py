"""Answer links: only ours, only for a while, only the button answers, and only once."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from jingqiao.incidents.incident import State
from jingqiao.notify.answer_page import answer_router
from jingqiao.notify.links import LIFETIME_US, AnswerLinks, BadLinkError, Ticket, kept_key, sign, verify
from jingqiao.notify.planner import Planner
from rules.alarm import Severity
from tests.support.response import ROSTER, Office, at, change

KEY = b"k" * 32
NOW = at("03:00:00")
TICKETS = st.builds(
    Ticket,
    st.integers(1, 10**9),
    st.integers(0, 100),
    st.integers(NOW // 1_000_000 + 1, 2**33).map(lambda s: s * 1_000_000),
    st.text(min_size=1, max_size=20),
)


@given(TICKETS)
def test_a_link_says_what_was_put_into_it(ticket: Ticket) -> None:
    assert verify(KEY, sign(KEY, ticket), NOW) == ticket


@given(TICKETS, st.data())
def test_a_link_with_one_character_changed_is_refused(ticket: Ticket, data: st.DataObject) -> None:
    token = sign(KEY, ticket)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCabc012-_.%").filter(lambda c: c != token[place]))
    with pytest.raises(BadLinkError):
        verify(KEY, token[:place] + other + token[place + 1 :], NOW)


@given(st.text(max_size=60))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(BadLinkError):
        verify(KEY, token, NOW)


def test_a_link_ends_after_its_time() -> None:
    token = sign(KEY, Ticket(1, 0, NOW + LIFETIME_US, "zhang"))
    with pytest.raises(BadLinkError):
        verify(KEY, token, NOW + LIFETIME_US)


def test_the_key_is_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    path = tmp_path / "data" / "links.key"
    assert kept_key(path) == kept_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path, f'answer_url = "https://jq.example/"\n{ROSTER}')
    opened.planner._link = AnswerLinks(lambda: opened.roster, KEY, opened.clock.now)
    yield opened
    opened.close()


@pytest.fixture
def client(office: Office) -> httpx.AsyncClient:
    app = FastAPI()
    quiet = Planner(lambda: office.roster)
    app.include_router(answer_router(office.database, lambda: office.roster, quiet, KEY, office.clock.now))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://jq.example")


def link_in(body: str) -> str:
    (line,) = [line for line in body.splitlines() if "https://jq.example" in line]
    return line.partition("https://jq.example")[2]


async def test_looking_changes_nothing_and_the_button_answers(
    office: Office, client: httpx.AsyncClient
) -> None:
    await office.engine_says(change())
    link = link_in(office.phones.got[0][3])
    page = await client.get(link)
    assert (page.status_code, "我来接警" in page.text, "武昌大道55号电力井" in page.text) == (200, True, True)
    assert office.incidents()[0].state is State.OPEN
    done = await client.post(link)
    assert (done.status_code, "<button" in done.text, "已接警 张三" in done.text) == (200, False, True)
    incident = office.incidents()[0]
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "zhang")


async def test_a_link_that_was_used_only_shows(office: Office, client: httpx.AsyncClient) -> None:
    await office.engine_says(change())
    await office.until("03:05:30")
    first, second = (link_in(body) for *_, body in office.phones.got)
    await client.post(second)
    again = await client.post(first)
    assert "已接警 李四" in again.text
    assert office.incidents()[0].acknowledged_by == "li"


async def test_a_forged_link_opens_nothing(office: Office, client: httpx.AsyncClient) -> None:
    await office.engine_says(change())
    forged = sign(b"x" * 32, Ticket(1, 0, NOW + LIFETIME_US, "zhang"))
    page = await client.post(f"/a/{forged}")
    assert (page.status_code, "电力井" in page.text) == (403, False)
    assert office.incidents()[0].state is State.OPEN


async def test_what_a_registry_says_cannot_break_out_of_the_page(
    office: Office, client: httpx.AsyncClient
) -> None:
    await office.engine_says(change(asset_id="<script>alert(1)</script>"))
    page = await client.get(link_in(office.phones.got[0][3]))
    assert "<script>" not in page.text


async def test_the_link_of_an_areas_summary_answers_for_all_of_its_members(tmp_path: Path) -> None:
    calm = ROSTER.replace("most_an_hour = 100000\ngroup_from = 100000\n", "")
    office = Office(tmp_path, 'answer_url = "http://jq"\n' + calm)
    links = AnswerLinks(lambda: office.roster, KEY, office.clock.now)
    office.planner._link = links
    shared = {"severity": Severity.ORANGE, "evidence": {"area": "古城路"}}
    await office.engine_says(*[change(asset_id=f"A{i}", **shared) for i in range(6)])
    ((_, _, _, body),) = office.phones.got
    (address,) = [word for word in body.split("：") if word.startswith("http://jq/a/")]
    app = FastAPI()
    app.include_router(
        answer_router(office.database, lambda: office.roster, office.planner, KEY, office.clock.now)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://jq") as phone:
        path = address.split()[0].removeprefix("http://jq")
        shown = await phone.get(path)
        answered = await phone.post(path)
    office.close()
    assert "同一区域 6 起同类事件" in shown.text
    assert "已接警" in answered.text
    assert {i.state for i in office.incidents()} == {State.ACKNOWLEDGED}


async def test_who_answered_where_two_have_to_is_not_asked_by_the_page_again(tmp_path: Path) -> None:
    office = Office(tmp_path, ROSTER.replace("repeat_min = 10", "answers = 2\nrepeat_min = 10"))
    await office.engine_says(change())
    app = FastAPI()
    app.include_router(
        answer_router(office.database, lambda: office.roster, office.planner, KEY, office.clock.now)
    )
    tokens = [sign(KEY, Ticket(1, 0, NOW + LIFETIME_US, person)) for person in ("zhang", "li")]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://jq") as phone:
        first = await phone.post(f"/a/{tokens[0]}")
        between = office.incidents()[0]
        other = await phone.get(f"/a/{tokens[1]}")
        last = await phone.post(f"/a/{tokens[1]}")
    office.close()
    assert ["<button" in page.text for page in (first, other, last)] == [False, True, False]
    assert (between.unanswered_since, between.answered_by) == (NOW, ("zhang",))
    assert office.incidents()[0].unanswered_since is None
