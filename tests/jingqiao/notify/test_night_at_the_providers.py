"""A night in the language of the duty office, with every provider a real HTTP server that says its own no."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.settings import Settings
from jingqiao.database import reading
from jingqiao.exchange.outlet import Outlet
from jingqiao.exchange.webhooks import Webhooks
from jingqiao.incidents.incident import State
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.pushed import Pushed, PushedReceipts
from jingqiao.notify.replies import Replies
from jingqiao.notify.reply_pull import ReplyPull
from jingqiao.notify.reply_spool import ReplySpool
from jingqiao.notify.sender import Delivery, Receipt
from tests.support.exchange import CAP, hook
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.providers import Aliyun, AliyunVoice, Tencent, WeCom
from tests.support.response import ROSTER, Office, at, change, local

ZHANG, LI = "13800000001", "13800000002"
KEY = "LTAI:ali%2Bs%2Fecret"


class Night:
    """The office, its providers, and the city's platform."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.wecom, self.sms, self.voice = WeCom(members=("LiSi",)), Aliyun(), AliyunVoice()
        self.tencent = Tencent()
        self.platform: list[str] = []

        def platform(request: Request) -> Answer:
            self.platform.append(request.json()["type"].rpartition(".")[2])
            return Answer(204, b"")

        def served(behaviour: object) -> str:
            return stack.enter_context(HttpFake(behaviour)).url  # type: ignore[arg-type]

        zhang = (
            f'"wecomapp://ww1:s3@1000002/ZhangSan?endpoint={served(self.wecom)}",'
            f'"alisms://{KEY}@SMS_1/{ZHANG}?sign=x&endpoint={served(self.sms)}",'
            f'{{ name = "call", beside = true, url = "alivoice://{KEY}@TTS_1/{ZHANG}?endpoint='
            f'{served(self.voice)}" }}'
        )
        li = f'"tencentsms://AKID:tc@1400006666/449739/{LI}?sign=x&endpoint={served(self.tencent)}"'
        roster = ROSTER.replace('"phone://zhang"', zhang).replace('"phone://li"', li)
        self.office = Office(folder, roster, sender=AppriseSender(timeout_s=0.5))
        office = self.office
        wake = office.dispatcher.wake
        self.receipts = PushedReceipts(office.database, lambda: office.roster, office.planner, wake)
        replies = Replies(office.database, lambda: office.roster, office.planner, office.clock.now, wake)
        self.pull = ReplyPull(
            office.database, lambda: office.roster, replies, office.clock, ReplySpool(folder / "spool")
        )
        self.settings = Settings(data_dir=folder, cap=CAP, webhooks=[hook("p", served(platform))])
        self.outlet = Outlet(office.database, self.settings, office.clock.now, lambda: office.roster)
        self.outlet.start()
        self.webhooks = Webhooks(office.database, self.settings, self.outlet, office.clock)

    def tries(self) -> list[tuple[str, str, str, str | None, str | None]]:
        """(when, who, by what, what came of it, the provider's word), in their order."""
        with reading(self.office.database) as connection:
            rows = [
                (one["started_at"], row["person"], one["channel"], one["outcome"], one["provider_code"])
                for row in messages_of(connection, 1)
                for one in attempts_of(connection, row["id"])
            ]
        return [(local(moment), *rest) for moment, *rest in sorted(rows, key=lambda row: row[:3])]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with ExitStack() as stack:
        opened = Night(tmp_path, stack)
        yield opened
        opened.office.close()


async def test_a_night_from_the_missing_lid_to_the_answer_by_sms(night: Night) -> None:
    # At 03:00 the lid is missing. Zhang's phone rings; WeCom does not know him, so he gets an SMS at once.
    await night.office.engine_says(change())
    assert night.tries() == [
        ("03:00:00", "zhang", "alisms", "sent", "OK"),
        ("03:00:00", "zhang", "call", "sent", "OK"),
        ("03:00:00", "zhang", "wecomapp", "failed_permanent", "invaliduser"),
    ]
    assert (len(night.sms.sent), len(night.voice.calls), night.wecom.got) == (1, 1, [])

    # At 03:00:40 Aliyun tells that nobody picked up; the SMS has arrived.
    await night.office.until("03:00:40")
    call, sms = Receipt(Delivery.FAILED, "200003"), Receipt(Delivery.DELIVERED, "DELIVERED")
    now = night.office.clock.now()
    assert night.receipts.take([Pushed("1^100", "", call), Pushed("B1^0", "", sms)], now) == 2
    await night.office.dispatcher.tick(now)
    with reading(night.office.database) as connection:
        states = {row["via"]: row["state"] for row in messages_of(connection, 1)}
    assert states == {None: "delivered", "call": "failed"}

    # He does not answer: at 03:05 Li, the deputy, gets an SMS.
    await night.office.until("03:05:30")
    assert night.tries()[-1][:4] == ("03:05:00", "li", "tencentsms", "sent")

    # At 03:06 Li answers 1, and nobody is asked any more.
    await night.office.until("03:06:00")
    said = {"PhoneNumber": f"+86{LI}", "ReplyContent": "1", "ReplyTime": at("03:06:00") // 1_000_000}
    night.tencent.replies.append(said)
    assert night.pull.pull() == 1
    await night.office.until("03:45:00")
    (incident,) = night.office.incidents()
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "li")
    assert [who for _, who, *_ in night.tries() if who not in ("zhang", "li")] == []

    # The city's platform was told of each step, in order.
    await night.webhooks.tick()
    assert night.platform == ["opened", "escalated", "acknowledged"]
