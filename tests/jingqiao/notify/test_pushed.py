"""Receipts that providers push: over HTTP to a secret address, found to their try, counted once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from config.settings import Settings
from jingqiao.api.app import create_app
from jingqiao.clock import ManualClock
from jingqiao.database import reading
from jingqiao.incidents.desk import act
from jingqiao.incidents.incident import Action, State
from jingqiao.incidents.store import find
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.tables import receipt
from jingqiao.service import Service
from tests.support.http_fake import HttpFake
from tests.support.providers import Aliyun, AliyunVoice, Tencent
from tests.support.response import ROSTER, at, change

SECRET = "hook-secret-0123456789"
PHONE = "13800000001"


class Pushing:
    """The whole service with a provider behind it that can push."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "roster.toml").write_text(ROSTER.replace('["phone://zhang"]', f'["{url}"]'), "utf-8")
        self.clock = ManualClock(at("03:00:00"))
        settings = Settings(
            data_dir=folder / "data",
            roster=folder / "roster.toml",
            http={"callback_secret": SECRET},
        )
        self.service = Service(settings, self.clock, AppriseSender(timeout_s=0.4))
        transport = httpx.ASGITransport(create_app(self.service))
        self.provider = httpx.AsyncClient(transport=transport, base_url="http://office")

    async def lid_missing(self) -> None:
        self.service.book.commit(1, [change()], self.clock.now())
        await self.service.dispatcher.tick(self.clock.now())

    async def push(self, kind: str, *entries: Any, secret: str = SECRET) -> int:
        answer = await self.provider.post(f"/hooks/{secret}/{kind}", json=list(entries))
        await self.service.dispatcher.tick(self.clock.now())
        return answer.status_code

    def message(self) -> tuple[str, list[tuple[str, str | None]]]:
        """(state, tries) of the first message."""
        with reading(self.service.database) as connection:
            row = messages_of(connection, 1)[0]
            tries = [(one["channel"], one["outcome"]) for one in attempts_of(connection, row["id"])]
        return row["state"], tries

    def told(self) -> list[str]:
        with reading(self.service.database) as connection:
            return [row["person"] for row in messages_of(connection, 1)]

    def receipts(self) -> list[tuple[str, str]]:
        with reading(self.service.database) as connection:
            rows = connection.execute(sa.select(receipt).order_by(receipt.c.id)).mappings()
            return [(row["status"], row["provider_code"]) for row in rows]

    def state(self) -> State:
        with reading(self.service.database) as connection:
            incident = find(connection, 1)
        assert incident is not None
        return incident.state

    async def close(self) -> None:
        await self.provider.aclose()
        await self.service.close()


SmsOffice = tuple[Pushing, Aliyun]


@pytest.fixture
async def sms(tmp_path: Path) -> AsyncIterator[SmsOffice]:
    provider = Aliyun()
    with HttpFake(provider) as fake:
        office = Pushing(tmp_path, f"alisms://LTAI:ali%2Bs%2Fecret@SMS_1/{PHONE}?sign=x&endpoint={fake.url}")
        yield office, provider
        await office.close()


def report(provider: Aliyun, *, success: bool = True, code: str = "DELIVERED", **more: Any) -> dict[str, Any]:
    """As help.aliyun.com shows it, SmsReport."""
    return {
        "phone_number": PHONE,
        "send_time": "2026-09-23 03:00:00",
        "report_time": "2026-09-23 03:00:03",
        "success": success,
        "err_code": code,
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": f"B{len(provider.sent)}^0",
        "out_id": provider.sent[-1]["OutId"],
        **more,
    }


async def test_a_pushed_receipt_says_delivered_and_nobody_is_asked_any_more(sms: SmsOffice) -> None:
    office, provider = sms
    await office.lid_missing()
    assert office.message() == ("sent", [("alisms", "sent")])
    assert await office.push("aliyun/report", report(provider)) == 200
    assert office.message() == ("delivered", [("alisms", "sent")])
    assert office.receipts() == [("delivered", "DELIVERED")]


async def test_a_receipt_that_is_pushed_again_changes_nothing(sms: SmsOffice) -> None:
    office, provider = sms
    await office.lid_missing()
    for _ in range(3):
        await office.push("aliyun/report", report(provider))
    assert office.receipts() == [("delivered", "DELIVERED")]


async def test_a_pushed_failure_leads_to_the_next_person_at_once(sms: SmsOffice) -> None:
    office, provider = sms
    await office.lid_missing()
    await office.push("aliyun/report", report(provider, success=False, code="MOBILE_NOT_ON_SERVICE"))
    assert office.message()[0] == "failed"
    assert office.told()[:2] == ["zhang", "li"]
    assert office.receipts()[0] == ("failed", "MOBILE_NOT_ON_SERVICE")


async def test_a_pushed_failure_after_an_answer_wakes_nobody(sms: SmsOffice) -> None:
    office, provider = sms
    await office.lid_missing()
    act(
        office.service.database,
        1,
        Action.ACK,
        who="zhang",
        now=office.clock.now(),
        announcer=office.service.planner,
    )
    await office.push("aliyun/report", report(provider, success=False, code="MOBILE_NOT_ON_SERVICE"))
    assert (office.message()[0], office.told()) == ("failed", ["zhang"])


async def test_a_push_ends_the_doubt_after_a_time_out_without_a_second_sms(sms: SmsOffice) -> None:
    office, provider = sms
    provider.silent_after = 1
    await office.lid_missing()
    assert office.message() == ("unsure", [("alisms", "unknown")])
    await office.push("aliyun/report", report(provider))
    assert office.message() == ("delivered", [("alisms", "sent")])
    await office.clock.advance(60)
    await office.service.dispatcher.tick(office.clock.now())
    assert len(provider.sent) == 1


async def test_receipts_of_others_and_entries_that_make_no_sense_do_not_stop_the_good_one(
    sms: SmsOffice,
) -> None:
    office, provider = sms
    await office.lid_missing()
    other = report(provider, biz_id="B99^0", out_id="somebody-elses")
    assert await office.push("aliyun/report", "x", {}, {"success": []}, other, report(provider)) == 200
    assert office.message()[0] == "delivered"


@pytest.mark.parametrize(
    "kind", ["aliyun/report", "aliyun/up", "aliyun/voice", "tencent/report", "tencent/reply"]
)
async def test_whoever_does_not_know_the_address_finds_nothing(sms: SmsOffice, kind: str) -> None:
    office, _ = sms
    await office.lid_missing()
    assert await office.push(kind, {"content": "1"}, secret="hook-secret-guessed-00") == 404
    assert await office.push(kind, {"content": "1"}, secret="钩") == 404


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"<xml/>", 400), (b"[" * 2_000_000, 413), (b"5", 200)]
)
async def test_what_is_no_push_is_refused_and_breaks_nothing(
    sms: SmsOffice, body: bytes, status: int
) -> None:
    office, _ = sms
    answer = await office.provider.post(f"/hooks/{SECRET}/aliyun/report", content=body)
    assert answer.status_code == status


async def test_when_nothing_can_be_written_down_the_provider_is_asked_to_push_again(sms: SmsOffice) -> None:
    office, provider = sms
    await office.lid_missing()
    with office.service.database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE receipt RENAME TO away"))
    assert await office.push("aliyun/report", report(provider)) == 503
    with office.service.database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO receipt"))
    assert await office.push("aliyun/report", report(provider)) == 200
    assert office.message()[0] == "delivered"


async def test_an_answer_that_aliyun_pushes_acknowledges(sms: SmsOffice) -> None:
    """As help.aliyun.com shows it, SmsUp."""
    office, _ = sms
    await office.lid_missing()
    up = {
        "phone_number": PHONE,
        "content": "1",
        "send_time": "2026-09-23 03:00:40",
        "dest_code": "1234",
        "sequence_id": "1234567890",
    }
    answer = await office.provider.post(f"/hooks/{SECRET}/aliyun/up", json=[up])
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert office.state() is State.ACKNOWLEDGED
    await office.push("aliyun/up", up)
    await office.clock.advance(1200)
    await office.service.dispatcher.tick(office.clock.now())
    assert set(office.told()) == {"zhang"}


async def test_how_a_call_ended_is_pushed(tmp_path: Path) -> None:
    """As help.aliyun.com shows it, VoiceReport: not picked up, so the next person is called at once."""
    provider = AliyunVoice()
    with HttpFake(provider) as fake:
        office = Pushing(tmp_path, f"alivoice://LTAI:ali%2Bs%2Fecret@TTS_1/{PHONE}?endpoint={fake.url}")
        await office.lid_missing()
        ended = {
            "call_id": "1^100",
            "originate_time": "2026-09-23 03:00:00",
            "ring_time": "2026-09-23 03:00:03",
            "start_time": "",
            "end_time": "2026-09-23 03:01:00",
            "callee": PHONE,
            "duration": "0",
            "status_code": "200003",
            "status_msg": "用户收到呼叫但未接听",
            "out_id": provider.calls[0]["OutId"],
            "dtmf": "",
            "voice_type": "voice",
        }
        await office.push("aliyun/voice", ended)
        assert office.message() == ("failed", [("alivoice", "sent")])
        assert office.told()[:2] == ["zhang", "li"]
        await office.close()


async def test_whoever_listened_to_the_end_has_read_it(tmp_path: Path) -> None:
    with HttpFake(AliyunVoice(silent_after=1)) as fake:
        office = Pushing(tmp_path, f"alivoice://LTAI:ali%2Bs%2Fecret@TTS_1/{PHONE}?endpoint={fake.url}")
        await office.lid_missing()
        assert office.message()[0] == "unsure"
        out_id = fake.requests[0].query["OutId"]
        await office.push(
            "aliyun/voice",
            {"call_id": "1^100", "status_code": "200000", "duration": "25", "out_id": out_id},
        )
        assert office.message() == ("read", [("alivoice", "sent")])
        await office.close()


async def test_tencent_pushes_receipts_and_answers(tmp_path: Path) -> None:
    """As cloud.tencent.com shows them: a list of states, and a single answer."""
    with HttpFake(Tencent()) as fake:
        office = Pushing(
            tmp_path, f"tencentsms://AKID:tc@1400006666/449739/{PHONE}?sign=x&endpoint={fake.url}"
        )
        await office.lid_missing()
        state = {
            "user_receive_time": "2026-09-23 03:00:04",
            "nationcode": "86",
            "mobile": PHONE,
            "report_status": "SUCCESS",
            "errmsg": "DELIVRD",
            "description": "用户短信送达成功",
            "sid": "5000:1",
        }
        await office.push("tencent/report", state)
        assert office.message()[0] == "delivered"
        answer = {
            "extend": "",
            "mobile": PHONE,
            "nationcode": "86",
            "sign": "x",
            "text": "1",
            "time": office.clock.now() // 1_000_000 + 9,
        }
        said = await office.provider.post(f"/hooks/{SECRET}/tencent/reply", json=answer)
        assert said.json() == {"result": 0, "errmsg": "OK"}
        assert office.state() is State.ACKNOWLEDGED
        await office.close()


async def test_without_a_secret_there_is_no_such_address(tmp_path: Path) -> None:
    service = Service(Settings(data_dir=tmp_path), ManualClock(at("03:00:00")), AppriseSender())
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
        assert (await client.post("/hooks//aliyun/report", json=[])).status_code == 404
        assert (await client.post("/hooks/None/aliyun/report", json=[])).status_code == 404
    await service.close()
