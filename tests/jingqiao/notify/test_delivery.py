"""Delivery truth: what is tried, in which order, what a crash and a silence mean, and who is told instead."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.incidents.incident import Action
from jingqiao.incidents.store import transitions_of
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.courier import Ended
from jingqiao.notify.dispatcher import Dispatcher
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.sender import NO_CONNECTION, Delivery, Outcome, Outgoing, Receipt, Result
from jingqiao.notify.tables import message
from rules.alarm import Severity
from tests.support.eventually import eventually
from tests.support.http_fake import Answer, HttpFake
from tests.support.providers import Aliyun, WeCom
from tests.support.response import LID_2, ROSTER, Office, change

TWO_CHANNELS = ROSTER.replace('["phone://zhang"]', '["phone://zhang", "sms://zhang"]')
SENT = Outcome(Result.SENT)
NO = Outcome(Result.FAILED_PERMANENT, "93000")
LATER = Outcome(Result.FAILED_TEMPORARY, "45009")
SILENCE = Outcome(Result.UNKNOWN)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path, TWO_CHANNELS)
    yield opened
    opened.close()


def outcomes(office: Office) -> list[tuple[str, str, str | None]]:
    """(person, channel, outcome) of every try."""
    with reading(office.database) as connection:
        return [
            (row["person"], attempt["channel"], attempt["outcome"])
            for row in messages_of(connection, 1)
            for attempt in attempts_of(connection, row["id"])
        ]


async def test_a_channel_that_says_no_leads_to_the_next_of_the_same_person(office: Office) -> None:
    office.phones.broken["phone://zhang"] = NO
    await office.engine_says(change())
    assert outcomes(office) == [("zhang", "phone", "failed_permanent"), ("zhang", "sms", "sent")]
    assert [(when, to) for when, to, _, _ in office.phones.got] == [("03:00:00", "张三")]


async def test_a_busy_channel_is_tried_three_times_before_the_next(office: Office) -> None:
    office.phones.broken["phone://zhang"] = LATER
    await office.engine_says(change())
    await office.until("03:00:30")
    assert outcomes(office) == [("zhang", "phone", "failed_temporary")] * 3 + [("zhang", "sms", "sent")]
    assert [when for when, *_ in office.phones.got] == ["03:00:10"]


async def test_when_no_channel_of_a_person_works_the_next_person_is_told_at_once(office: Office) -> None:
    """Not after the five minutes that an answer is given: there will be none."""
    office.phones.broken |= {"phone://zhang": NO, "sms://zhang": NO}
    await office.engine_says(change())
    assert [(when, to) for when, to, _, _ in office.phones.got] == [("03:00:00", "李四")]


async def test_when_nobody_can_be_told_it_is_loud_and_tried_again(office: Office) -> None:
    office.phones.broken |= {f"phone://{p}": NO for p in ("zhang", "li", "wang", "office")}
    office.phones.broken["sms://zhang"] = NO
    await office.engine_says(change())
    await office.until("03:40:00")
    assert office.incidents()[0].unreachable
    with reading(office.database) as connection:
        events = [row["event"] for row in transitions_of(connection, 1)]
    assert "unreachable" in events
    office.phones.broken.clear()
    await office.until("04:00:00")
    tried = {person for person, _, _ in outcomes(office)}
    assert tried == {"zhang", "li", "wang", "office"}


async def test_a_provider_that_cannot_be_asked_gets_it_again_and_that_is_counted(office: Office) -> None:
    office.phones.broken["phone://zhang"] = SILENCE
    await office.engine_says(change())
    assert office.phones.tries == ["phone://zhang"]
    office.phones.broken.clear()
    await office.until("03:00:10")
    assert outcomes(office) == [("zhang", "phone", "unknown_repeated"), ("zhang", "phone", "sent")]


@pytest.mark.parametrize(
    ("receipt", "tries"), [(Receipt(Delivery.DELIVERED), 1), (Receipt(Delivery.NEVER_SEEN), 2)]
)
async def test_a_provider_that_can_be_asked_is_asked_before_a_second_try(
    office: Office, receipt: Receipt, tries: int
) -> None:
    office.phones.broken["phone://zhang"] = SILENCE
    office.phones.receipts["phone://zhang"] = receipt
    await office.engine_says(change())
    office.phones.broken.clear()
    await office.until("03:00:10")
    assert office.phones.tries == ["phone://zhang"] * tries


async def test_a_failure_that_the_receipt_tells_of_leads_to_the_next_channel(office: Office) -> None:
    """Taken by the provider at 03:00:00, phone switched off, known at 03:00:10: then the SMS goes."""
    office.phones.broken["phone://zhang"] = Outcome(Result.SENT, "OK", "", "BIZ-1")
    office.phones.receipts["phone://zhang"] = Receipt(Delivery.FAILED, "MOBILE_TERMINAL_ERROR")
    await office.engine_says(change())
    await office.until("03:01:00")
    assert office.phones.tries == ["phone://zhang", "sms://zhang"]
    assert [when for when, *_ in office.phones.got] == ["03:00:00", "03:00:10"]


async def test_an_answer_takes_back_what_still_waits_to_be_sent(office: Office) -> None:
    office.phones.broken["phone://zhang"] = LATER
    await office.engine_says(change())
    office.phones.broken.clear()
    await office.does("wang", Action.ACK)
    await office.until("03:20:00")
    assert office.phones.tries == ["phone://zhang", "phone://zhang"]  # the second tells who has it
    with reading(office.database) as connection:
        states = [row["state"] for row in messages_of(connection, 1)]
    assert states[0] == "cancelled"


async def test_a_sender_that_breaks_harms_no_other_message(tmp_path: Path) -> None:
    class Breaking:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def send(self, outgoing: Outgoing) -> Outcome:
            if outgoing.to == "张三":
                raise ZeroDivisionError
            self.sent.append(outgoing.to)
            return SENT

        def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
            return None

    sender = Breaking()
    office = Office(tmp_path, TWO_CHANNELS, sender=sender)
    await office.engine_says(change())
    await office.until("03:20:00")
    office.close()
    assert "李四" in sender.sent


async def test_nobody_on_duty_is_loud_and_goes_to_the_fallback(tmp_path: Path) -> None:
    """A roster edited by hand at night may have a hole; `check` would have refused it."""
    office = Office(tmp_path)
    teams = [
        team.model_copy(update={"shifts": tuple(s.model_copy(update={"days": ()}) for s in team.shifts)})
        for team in office.roster.teams
    ]
    office.roster = office.roster.model_copy(update={"teams": tuple(teams)})
    await office.engine_says(change())
    office.close()
    assert [(to, body.splitlines()[1]) for _, to, _, body in office.phones.got] == [
        ("值班室", "当班无人，请您代为处置！")
    ]
    assert office.incidents()[0].unreachable


class _Dying(Dispatcher):
    """A dispatcher that is killed at a chosen moment."""

    dies = ""

    async def _record_all(self) -> None:
        if self.dies == "after sending":
            self._ended.clear()
            self._recording = None
            return
        await super()._record_all()


def restart(office: Office, dies: str = "", **more: Any) -> None:
    """The process comes up again with a new dispatcher on the same rows."""
    office.dispatcher = _Dying(
        office.database,
        more.get("sender", office.phones),
        lambda: office.roster,
        office.planner,
        office.clock,
    )
    office.dispatcher.dies = dies


async def test_killed_between_the_commit_and_the_claim_nothing_is_lost(office: Office) -> None:
    office.book.commit(1, [change()], office.clock.now())
    restart(office)
    await office.dispatcher.tick(office.clock.now())
    assert len(office.phones.got) == 1


async def test_killed_between_the_claim_and_the_sending_it_goes_out_after_the_lease(office: Office) -> None:
    office.book.commit(1, [change()], office.clock.now())
    jobs = office.dispatcher._courier.take(office.clock.now(), 16)
    assert len(jobs) == 1
    restart(office)
    await office.until("03:00:29")
    assert office.phones.got == []
    await office.until("03:00:31")
    assert [when for when, *_ in office.phones.got] == ["03:00:30"]


async def test_killed_between_sending_and_writing_it_down_a_provider_that_knows_is_asked(
    tmp_path: Path,
) -> None:
    """At least once; where the provider can tell, exactly once."""
    provider = Aliyun()
    with HttpFake(provider) as fake:
        url = f"alisms://LTAI:ali%2Bs%2Fecret@SMS_1/13800000000?sign=x&endpoint={fake.url}"
        sender = AppriseSender(timeout_s=2.0)
        office = Office(tmp_path, ROSTER.replace("phone://zhang", url), sender=sender)
        restart(office, dies="after sending", sender=sender)
        await office.engine_says(change())
        assert len(provider.sent) == 1
        restart(office, sender=sender)
        await office.until("03:01:00")
        office.close()
    assert len(provider.sent) == 1
    assert outcomes(office)[0] == ("zhang", "alisms", "sent")
    with reading(office.database) as connection:
        assert messages_of(connection, 1)[0]["state"] == "delivered"


async def test_an_sms_that_timed_out_after_it_was_sent_is_never_sent_twice(tmp_path: Path) -> None:
    provider = Aliyun(silent_after=1)
    with HttpFake(provider) as fake:
        url = f"alisms://LTAI:ali%2Bs%2Fecret@SMS_1/13800000000?sign=x&endpoint={fake.url}"
        office = Office(tmp_path, ROSTER.replace("phone://zhang", url), sender=AppriseSender(timeout_s=0.3))
        await office.engine_says(change())
        await office.until("03:04:00")
        office.close()
    assert len(provider.sent) == 1


async def test_a_late_verdict_of_a_worker_that_lost_its_lease_changes_nothing(office: Office) -> None:
    office.book.commit(1, [change()], office.clock.now())
    courier = office.dispatcher._courier
    (slow,) = courier.take(office.clock.now(), 16)
    await office.until("03:00:40")  # the lease ended, somebody else sent it
    courier.record([Ended(slow, NO, office.clock.now())])
    with reading(office.database) as connection:
        assert [row["state"] for row in messages_of(connection, 1)] == ["sent"]


async def test_two_workers_never_take_the_same_message(office: Office) -> None:
    changes = [change(asset_id=f"A{i}") for i in range(20)]
    office.book.commit(1, changes, office.clock.now())
    taken: list[int] = []
    for _ in range(5):
        taken += [job.claimed.id for job in office.dispatcher._courier.take(office.clock.now(), 4)]
    assert sorted(taken) == list(range(1, 21))


async def test_the_bots_twenty_a_minute_are_kept_and_red_goes_first(tmp_path: Path) -> None:
    """Thirty alarms at once through one group bot: twenty now, red ones among them, ten a minute later."""
    provider = WeCom()
    with HttpFake(provider) as fake:
        office = Office(
            tmp_path,
            ROSTER.replace("phone://zhang", f"wecombot://KEY?endpoint={fake.url}"),
            sender=AppriseSender(timeout_s=2.0),
        )
        changes = [
            change(asset_id=f"A{i}", severity=Severity.RED if i >= 25 else Severity.YELLOW) for i in range(30)
        ]
        await office.engine_says(*changes)
        first = list(provider.got)
        await office.until("03:00:59")
        assert len(provider.got) == 20
        await office.until("03:01:02")
        office.close()
    assert sum("红色" in text for text in first[:16]) == 5  # sixteen go out at once
    assert len(provider.got) == 30
    assert len(set(provider.got)) == 30


async def test_a_try_that_never_reached_the_bot_does_not_count_against_its_twenty(tmp_path: Path) -> None:
    """The line is down for four of them; two seconds later they go, within the same minute."""
    office = Office(tmp_path, ROSTER.replace("phone://zhang", "wecombot://KEY"))
    office.phones.broken["wecombot://KEY"] = Outcome(Result.FAILED_TEMPORARY, NO_CONNECTION, "torn")
    await office.engine_says(*[change(asset_id=f"A{i}") for i in range(20)])
    assert not office.phones.got
    office.phones.broken.clear()
    await office.until("03:00:03")
    assert len(office.phones.got) == 20
    office.close()


async def test_a_day_of_fifty_sms_sends_the_rest_by_the_next_channel(tmp_path: Path) -> None:
    """What was held back stands in the rows, for the console to say."""
    provider = Aliyun()
    with HttpFake(provider) as fake:
        url = f"alisms://LTAI:ali%2Bs%2Fecret@SMS_1/13800000000?sign=x&endpoint={fake.url}"
        office = Office(tmp_path, TWO_CHANNELS.replace("phone://zhang", url))
        both = _Split(AppriseSender(timeout_s=2.0), office)
        restart(office, sender=both)
        await office.engine_says(*[change(asset_id=f"A{i}") for i in range(53)])
        office.close()
    assert len(provider.sent) == 50
    assert len(office.phones.got) == 3
    with reading(office.database) as connection:
        held = connection.execute(
            sa.text("SELECT count(*) FROM attempt WHERE outcome = 'held' AND channel = 'alisms'")
        ).scalar()
    assert held == 3


class _Split:
    """SMS by HTTP, everything else to the phones in memory."""

    def __init__(self, sms: AppriseSender, office: Office) -> None:
        self._sms = sms
        self._office = office

    def send(self, outgoing: Outgoing) -> Outcome:
        sender = self._sms if outgoing.channel_url.startswith("alisms") else self._office.phones
        return sender.send(outgoing)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        return None


async def test_the_same_step_is_one_message_however_often_it_is_planned(office: Office) -> None:
    await office.engine_says(change(), change(asset_id=LID_2, sensor_ids=("S2",)))
    with office.database.begin() as connection:
        connection.execute(sa.text("UPDATE incident SET step = 0, next_step_at = 0"))
    await office.dispatcher.tick(office.clock.now())
    with reading(office.database) as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(message)).scalar()
    assert count == 2


async def test_after_a_night_without_the_service_overdue_steps_are_one_message_a_person(
    office: Office,
) -> None:
    office.book.commit(1, [change()], office.clock.now())
    await office.clock.advance(3600)
    await office.dispatcher.tick(office.clock.now())
    assert sorted(to for _, to, _, _ in office.phones.got) == ["张三", "李四", "王五"]
    assert {when for when, *_ in office.phones.got} == {"04:00:00"}


def test_no_answer_of_a_fake_is_ever_a_redirect_to_follow() -> None:
    """A captive portal answers 302 to a page that says 200: that is no yes."""
    with HttpFake(lambda request: Answer(302, headers={"Location": "http://127.0.0.1:9/"})) as fake:
        outcome = AppriseSender(1.0).send(Outgoing("", f"wecombot://KEY?endpoint={fake.url}", "", "x"))
    assert (outcome.result, outcome.provider_code) == (Result.FAILED_PERMANENT, "http 302")


async def test_what_cannot_be_composed_is_still_said_clumsily(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise KeyError("a sentence that nobody wrote")

    monkeypatch.setattr("jingqiao.notify.steps.compose", breaks)
    await office.engine_says(change())
    assert [(to, title) for _, to, title, _ in office.phones.got] == [
        ("值班室", "[red] missing 4207040105000001 武昌大道")
    ]


async def test_a_try_that_takes_longer_than_a_lease_is_not_taken_up_a_second_time(tmp_path: Path) -> None:
    """It is slow, not crashed: whoever asks or repeats meanwhile makes two warnings of one."""
    released = threading.Event()
    tries: list[str] = []

    class Slow:
        def send(self, outgoing: Outgoing) -> Outcome:
            tries.append(outgoing.reference)
            released.wait(10)
            return SENT

        def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
            tries.append("asked")
            return None

    office = Office(tmp_path, TWO_CHANNELS, sender=Slow())
    office.book.commit(1, [change()], office.clock.now())
    running = asyncio.create_task(office.dispatcher.run())
    await eventually(lambda: len(tries) == 1)
    for _ in range(3):
        office.clock._now += 40_000_000
        office.dispatcher.wake()
        before = due_at(office)
        await eventually(lambda before=before: due_at(office) > before)
    released.set()
    await eventually(lambda: outcomes(office)[0] == ("zhang", "phone", "sent"))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert tries == ["1:0:0:zhang"]
    office.close()


def due_at(office: Office) -> int:
    with reading(office.database) as connection:
        return int(connection.execute(sa.select(message.c.due_at).where(message.c.id == 1)).scalar() or 0)
