"""Watching the watchers: shifts that nobody can fill, a heartbeat that stops, trouble said loudly."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from config.roster import load_roster
from config.settings import HeartbeatSettings, HttpSettings, Settings
from jingqiao.api.app import create_app
from jingqiao.clock import ManualClock, WallClock
from jingqiao.notify.heartbeat import Heartbeat
from jingqiao.notify.outbox_health import outbox_trouble
from jingqiao.notify.sender import Outcome, Result
from jingqiao.notify.shift_watch import ShiftWatch
from jingqiao.service import Service
from tests.support.eventually import eventually
from tests.support.http_fake import Answer, HttpFake
from tests.support.response import ROSTER, Office, Phones, at, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """The night shift's channel is wrong: no secret, no member."""
    people, _, teams = ROSTER.partition("[[teams]]")
    night = '[people.night]\nname = "夜班"\nchannels = ["wecomapp://x"]\n\n'
    roster = (people + night + "[[teams]]" + teams).replace("warn_ahead_h = 0", "warn_ahead_h = 24")
    roster = roster.replace(
        'shifts = [{ people = ["zhang"] }]',
        'shifts = [{ from = "08:00", to = "20:00", people = ["zhang"] },'
        ' { from = "20:00", to = "08:00", people = ["night"] }]',
    )
    opened = Office(tmp_path, roster)
    yield opened
    opened.close()


def watch(office: Office) -> ShiftWatch:
    return ShiftWatch(office.database, lambda: office.roster, office.clock, office.dispatcher.wake)


async def test_a_night_with_nobody_who_can_be_told_is_told_of_the_day_before(office: Office) -> None:
    office.clock._now = at("10:00:00")
    watch(office).step()
    await office.dispatcher.tick(office.clock.now())
    assert [(to, "09-23 20:00" in body) for _, to, _, body in office.phones.got] == [
        ("王五", True),
        ("值班室", True),
    ]


async def test_a_hole_is_told_once_though_looked_at_every_minute(office: Office) -> None:
    office.clock._now = at("10:00:00")
    for _ in range(5):
        watch(office).step()
        office.clock._now += 60_000_000
    await office.dispatcher.tick(office.clock.now())
    assert len(office.phones.got) == 2


async def test_who_was_refused_for_good_today_counts_as_not_reachable(tmp_path: Path) -> None:
    office = Office(tmp_path, ROSTER.replace("warn_ahead_h = 0", "warn_ahead_h = 24"))
    assert watch(office).step() == []
    office.phones.broken["phone://zhang"] = Outcome(Result.FAILED_PERMANENT, "93000")
    await office.engine_says(change())
    found = watch(office).step()
    office.close()
    assert {(hole.team, hole.why) for hole in found} == {("lids", "unreachable")}


async def test_a_channel_that_was_mended_counts_as_reachable_though_its_account_is_the_same(
    tmp_path: Path,
) -> None:
    wrong, right = (f"wecomapp://ww1:{secret}@1000002/ZhangSan" for secret in ("wrong", "right"))
    ahead = ROSTER.replace("warn_ahead_h = 0", "warn_ahead_h = 24").replace("phone://zhang", wrong)
    office = Office(tmp_path, ahead)
    office.phones.broken[wrong] = Outcome(Result.FAILED_PERMANENT, "40001")
    await office.engine_says(change())
    assert [hole.why for hole in watch(office).step()] == ["unreachable"]
    (tmp_path / "roster.toml").write_text(ahead.replace(wrong, right), "utf-8")
    office.roster = load_roster(tmp_path / "roster.toml", {})
    assert watch(office).step() == []
    office.close()


async def test_the_second_system_hears_us_while_messages_get_out_and_not_when_none_does(
    office: Office,
) -> None:
    with HttpFake(lambda _: Answer()) as second:
        settings = HeartbeatSettings(url=SecretStr(second.url + "/ping/KEY"))
        heart = Heartbeat(office.database, office.clock, settings)
        assert await heart.step()
        office.clock._now = at("10:00:00")
        for phone in ("zhang", "li", "wang", "office"):
            office.phones.broken[f"phone://{phone}"] = Outcome(Result.FAILED_PERMANENT, "93000")
        await office.engine_says(change())
        assert not await heart.step()
        assert [request.path for request in second.requests] == ["/ping/KEY"]
        office.phones.broken.clear()
        await office.until("10:20:00")
        assert await heart.step()


async def test_a_second_system_that_is_away_breaks_nothing(office: Office) -> None:
    settings = HeartbeatSettings(url=SecretStr("http://127.0.0.1:9/"))
    assert not await Heartbeat(office.database, office.clock, settings).step()


async def test_no_heartbeat_while_the_rules_stand_still(office: Office) -> None:
    with HttpFake(lambda _: Answer()) as second:
        settings = HeartbeatSettings(url=SecretStr(second.url))
        assert not await Heartbeat(office.database, office.clock, settings, lambda: False).step()
        assert second.requests == []


async def test_messages_that_lie_there_are_seen_without_a_dispatcher(office: Office) -> None:
    office.book.commit(1, [change()], office.clock.now())
    assert outbox_trouble(office.database, office.clock.now()) is None
    assert outbox_trouble(office.database, office.clock.now() + 180_000_000) == "stopped"


async def test_health_and_metrics_say_that_nothing_gets_out(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text(ROSTER, "utf-8")
    clock = ManualClock(at("03:00:00"))
    phones = Phones(clock)
    service = Service(Settings(data_dir=tmp_path / "d", roster=tmp_path / "roster.toml"), clock, phones)
    for phone in ("zhang", "li", "wang", "office"):
        phones.broken[f"phone://{phone}"] = Outcome(Result.FAILED_PERMANENT, "93000")
    service.book.commit(1, [change()], clock.now())
    await service.dispatcher.tick(clock.now())
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://jq") as browser:
        health = await browser.get("/healthz")
        metrics = await browser.get("/metrics")
    await service.close()
    assert (health.status_code, "通知发不出去" in health.text) == (503, True)
    assert "jingqiao_outbox_stuck 1.0" in metrics.text


async def test_a_running_service_calls_the_second_system_and_looks_at_the_shifts(tmp_path: Path) -> None:
    roster = ROSTER.replace("warn_ahead_h = 0", "warn_ahead_h = 24").replace("phone://zhang", "wecomapp://x")
    (tmp_path / "roster.toml").write_text(roster, "utf-8")
    phones = Phones(ManualClock(0))
    with HttpFake(lambda _: Answer()) as second:
        settings = Settings(
            data_dir=tmp_path / "d",
            roster=tmp_path / "roster.toml",
            http=HttpSettings(port=0),
            heartbeat=HeartbeatSettings(url=SecretStr(second.url), every_s=1),
        )
        service = Service(settings, WallClock(), phones)
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        await eventually(lambda: bool(second.requests) and "王五" in [to for _, to, *_ in phones.got])
        stop.set()
        await running
