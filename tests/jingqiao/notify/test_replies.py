"""Answers by SMS, in the language of the duty office: `1` stops the escalation, of the right incident."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.incidents.incident import Action, State
from jingqiao.notify.provider_posts import tencent_said
from jingqiao.notify.replies import Replies, Said
from jingqiao.notify.reply_pull import ReplyPull
from jingqiao.notify.reply_spool import ReplySpool
from jingqiao.notify.sender import Outcome, Result
from jingqiao.notify.tables import sms_reply
from rules.alarm import Hazard, Severity
from tests.support.http_fake import HttpFake
from tests.support.providers import Tencent
from tests.support.response import LID_2, ROSTER, Office, at, change

ZHANG, LI = "13800000001", "13800000002"


def sms(phone: str) -> str:
    return f'["alisms://a:b@SMS_1/{phone}?sign=x"]'


SMS_ROSTER = ROSTER.replace('["phone://zhang"]', sms(ZHANG)).replace('["phone://li"]', sms(LI))


class AnsweringOffice(Office):
    """An office whose people answer by SMS."""

    def __init__(self, folder: Path, roster: str = SMS_ROSTER) -> None:
        super().__init__(folder, roster)
        self.replies = Replies(
            self.database, lambda: self.roster, self.planner, self.clock.now, self.dispatcher.wake
        )
        self._count = 0

    async def hears(self, phone: str, words: str, said_at: int | None = None, key: str = "") -> str:
        """Somebody answers; gives what became of it."""
        self._count += 1
        when = self.clock.now() if said_at is None else said_at
        self.replies.take([Said("aliyun", key or str(self._count), phone, words, when)])
        await self.dispatcher.tick(self.clock.now())
        with reading(self.database) as connection:
            query = sa.select(sms_reply.c.outcome).order_by(sms_reply.c.id.desc()).limit(1)
            return str(connection.execute(query).scalar())

    def to(self, name: str) -> list[str]:
        """First lines of what somebody got."""
        return [body.splitlines()[0] for _, to, _, body in self.phones.got if to == name]

    def states(self) -> list[State]:
        return [incident.state for incident in sorted(self.incidents(), key=lambda one: one.id)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[AnsweringOffice]:
    opened = AnsweringOffice(tmp_path)
    yield opened
    opened.close()


async def test_at_three_a_lid_is_missing_and_1_stops_the_escalation(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    await office.until("03:01:00")
    assert await office.hears(ZHANG, "1") == "acknowledged"
    assert office.states() == [State.ACKNOWLEDGED]
    await office.until("03:20:00")
    assert {to for _, to, *_ in office.phones.got} == {"张三"}
    assert office.to("张三")[-1].startswith("已接警 #1：")


async def test_without_anybody_on_site_it_resumes(tmp_path: Path) -> None:
    office = AnsweringOffice(tmp_path, SMS_ROSTER.replace("repeats = 2", "repeats = 2\nprogress_min = 30"))
    await office.engine_says(change())
    assert await office.hears(ZHANG, "收到") == "acknowledged"
    office.phones.got.clear()
    await office.until("03:31:00")
    assert [(when, to) for when, to, *_ in office.phones.got] == [("03:30:00", "张三")]
    office.close()


async def test_the_phone_may_be_written_with_its_country(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    assert await office.hears(f"+86{ZHANG}", "1") == "acknowledged"


async def test_with_two_lids_open_1_asks_back_and_acknowledges_neither(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    await office.engine_says(change(asset_id=LID_2))
    assert await office.hears(ZHANG, "1") == "ambiguous"
    assert office.states() == [State.OPEN, State.OPEN]
    assert "2 起待接警" in office.to("张三")[-1]
    assert await office.hears(ZHANG, "1 2") == "acknowledged"
    assert office.states() == [State.OPEN, State.ACKNOWLEDGED]
    assert await office.hears(ZHANG, "1") == "acknowledged"
    assert office.states() == [State.ACKNOWLEDGED, State.ACKNOWLEDGED]


async def test_1_all_acknowledges_all_that_this_person_was_asked(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    await office.engine_says(change(asset_id=LID_2))
    assert await office.hears(ZHANG, "1 全部") == "acknowledged"
    assert office.states() == [State.ACKNOWLEDGED, State.ACKNOWLEDGED]
    assert office.to("张三")[-1].startswith("已接警 #1 2")


async def test_what_one_summary_told_one_1_acknowledges(tmp_path: Path) -> None:
    office = AnsweringOffice(tmp_path, SMS_ROSTER.replace("group_from = 100000", "group_from = 3"))
    lids = [f"420704010400000{number}" for number in range(1, 6)]
    await office.engine_says(
        *(
            change(asset_id=lid, hazard=Hazard.TILTED, severity=Severity.ORANGE, evidence={"area": "A"})
            for lid in lids
        )
    )
    await office.until("03:04:00")
    assert len(office.to("张三")) == 1
    assert await office.hears(ZHANG, "1") == "acknowledged"
    assert office.states() == [State.ACKNOWLEDGED] * 5
    assert office.to("张三")[-1].startswith("已接警 #1 2 3 4 5")
    office.close()


async def test_what_two_messages_told_1_does_not_acknowledge(tmp_path: Path) -> None:
    office = AnsweringOffice(tmp_path, SMS_ROSTER.replace("group_from = 100000", "group_from = 3"))
    tilted = {"hazard": Hazard.TILTED, "severity": Severity.ORANGE, "evidence": {"area": "A"}}
    await office.engine_says(*(change(asset_id=f"420704010400000{number}", **tilted) for number in range(3)))
    await office.engine_says(change())
    await office.until("03:04:00")
    assert await office.hears(ZHANG, "1") == "ambiguous"
    assert office.states() == [State.OPEN] * 4
    office.close()


async def test_who_was_not_asked_acknowledges_nothing(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    assert await office.hears(LI, "1") == "nothing_waits"
    assert await office.hears(LI, "1 1") == "nothing_waits"
    assert office.states() == [State.OPEN]


async def test_the_deputy_who_was_asked_may_answer_for_it(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    await office.until("03:06:00")
    assert await office.hears(LI, "1") == "acknowledged"
    assert office.incidents()[0].acknowledged_by == "li"


async def test_an_answer_that_was_given_before_the_next_lid_is_not_about_it(office: AnsweringOffice) -> None:
    """Its way took minutes; meanwhile somebody else had the first lid, and a second one was told."""
    await office.engine_says(change())
    await office.until("03:01:00")
    await office.does("li", Action.ACK)
    await office.until("03:02:00")
    await office.engine_says(change(asset_id=LID_2))
    assert await office.hears(ZHANG, "1", said_at=at("03:00:50")) == "nothing_waits"
    assert office.states() == [State.ACKNOWLEDGED, State.OPEN]


async def test_a_message_that_never_left_is_not_what_somebody_answered(office: AnsweringOffice) -> None:
    for url in [c.url for c in office.roster.people["zhang"].channels]:
        office.phones.broken[url] = Outcome(Result.FAILED_PERMANENT, "isv.MOBILE_NUMBER_ILLEGAL")
    await office.engine_says(change())
    assert await office.hears(ZHANG, "1") == "nothing_waits"


async def test_the_same_answer_pushed_twice_is_one(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    await office.hears(ZHANG, "1", key="77")
    await office.engine_says(change(asset_id=LID_2))
    await office.hears(ZHANG, "1", key="77")
    assert office.states() == [State.ACKNOWLEDGED, State.OPEN]
    with reading(office.database) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(sms_reply)).scalar() == 1


@pytest.mark.parametrize(
    ("phone", "words", "outcome"),
    [(ZHANG, "退订", "not_understood"), ("13999999999", "1", "unknown_phone"), ("", "1", "unknown_phone")],
)
async def test_what_is_no_answer_of_ours_is_kept_and_does_nothing(
    office: AnsweringOffice, phone: str, words: str, outcome: str
) -> None:
    await office.engine_says(change())
    assert await office.hears(phone, words) == outcome
    assert office.states() == [State.OPEN]


async def test_an_answer_that_a_crash_left_over_is_handled_at_the_start(office: AnsweringOffice) -> None:
    await office.engine_says(change())
    with writing(office.database) as connection:
        connection.execute(
            sa.insert(sms_reply).values(
                provider="aliyun",
                provider_key="aliyun:1",
                people=["zhang"],
                said_at=office.clock.now(),
                received_at=office.clock.now(),
                words="1",
                incident_ids=[],
            )
        )
    office.replies.handle()
    assert office.states() == [State.ACKNOWLEDGED]


async def test_no_phone_number_is_kept_with_an_answer(office: AnsweringOffice, tmp_path: Path) -> None:
    await office.engine_says(change())
    await office.hears(ZHANG, "1")
    with reading(office.database) as connection:
        (row,) = connection.execute(sa.select(sms_reply)).mappings()
    assert ZHANG not in str(dict(row))


def pulling(office: AnsweringOffice, folder: Path) -> ReplyPull:
    """A service that asks Tencent, as it is after each start."""
    spool = ReplySpool(folder / "sms-replies.jsonl")
    return ReplyPull(office.database, lambda: office.roster, office.replies, office.clock, spool)


async def test_a_tencent_answer_is_fetched_and_counts(tmp_path: Path) -> None:
    provider = Tencent()
    with HttpFake(provider) as fake:
        url = f"tencentsms://AKID:tc@1400006666/449739/{ZHANG}?sign=x&endpoint={fake.url}"
        office = AnsweringOffice(tmp_path, ROSTER.replace("phone://zhang", url))
        pull = pulling(office, tmp_path)
        await office.engine_says(change())
        provider.replies.append(
            {
                "PhoneNumber": f"+86{ZHANG}",
                "ReplyContent": " 1 ",
                "ReplyTime": office.clock.now() // 1_000_000 + 30,
                "ExtendCode": "",
                "SignName": "x",
                "CountryCode": "86",
                "SubscriberNumber": "",
            }
        )
        await office.until("03:00:31")
        assert pull.pull() == 1
        assert pull.pull() == 0
        assert office.states() == [State.ACKNOWLEDGED]
        office.close()


async def test_an_answer_that_the_database_could_not_take_is_written_down_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tencent gives no answer twice."""
    provider = Tencent()
    with HttpFake(provider) as fake:
        url = f"tencentsms://AKID:tc@1400006666/449739/{ZHANG}?sign=x&endpoint={fake.url}"
        office = AnsweringOffice(tmp_path, ROSTER.replace("phone://zhang", url))
        pull = pulling(office, tmp_path)
        await office.engine_says(change())
        said_at = office.clock.now() // 1_000_000 + 30
        provider.replies.append(
            {"PhoneNumber": f"+86{ZHANG}", "ReplyContent": "1", "ReplyTime": said_at, "ExtendCode": ""}
        )
        await office.until("03:00:31")

        def away(said: object) -> None:
            if said:
                raise sa.exc.OperationalError("insert", {}, Exception("database is locked"))

        with monkeypatch.context() as patch:
            patch.setattr(office.replies, "take", away)
            with pytest.raises(sa.exc.OperationalError):
                pull.pull()
        assert provider.replies == []
        assert office.states() == [State.OPEN]
        pull.pull()
        assert office.states() == [State.ACKNOWLEDGED]
        office.close()


@pytest.mark.parametrize("torn", [False, True])
async def test_an_answer_that_was_fetched_when_the_service_was_killed_counts_after_the_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    """03:00 a lid is missing; Zhang answers 1; killed between provider and database; 03:05 he has it."""
    provider = Tencent()
    spool = tmp_path / "sms-replies.jsonl"
    with HttpFake(provider) as fake:
        url = f"tencentsms://AKID:tc@1400006666/449739/{ZHANG}?sign=x&endpoint={fake.url}"
        office = AnsweringOffice(tmp_path, ROSTER.replace("phone://zhang", url))
        await office.engine_says(change())
        if torn:  # an earlier crash has left half a line
            spool.touch(0o600)
            spool.write_bytes(b'{"provider": "tencent", "key": "ab')
        said_at = office.clock.now() // 1_000_000 + 30
        provider.replies.append(
            {"PhoneNumber": f"+86{ZHANG}", "ReplyContent": "1", "ReplyTime": said_at, "ExtendCode": ""}
        )
        await office.until("03:00:31")

        def killed(said: Sequence[object]) -> None:
            if any(getattr(answer, "words", "") == "1" for answer in said):
                raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(office.replies, "take", killed)
            with pytest.raises(SystemExit):
                pulling(office, tmp_path).pull()
        assert provider.replies == []
        assert office.states() == [State.OPEN]
        assert spool.stat().st_mode & 0o077 == 0, "it holds a phone number"

        await office.until("03:04:00")
        assert pulling(office, tmp_path).pull() == 0
        assert office.states() == [State.ACKNOWLEDGED]
        assert not spool.exists()
        office.close()


async def test_an_answer_that_stands_in_database_and_file_counts_once(tmp_path: Path) -> None:
    """Killed between database and file: the file is read again."""
    spool = ReplySpool(tmp_path / "sms-replies.jsonl")
    with HttpFake(Tencent()) as fake:
        url = f"tencentsms://AKID:tc@1400006666/449739/{ZHANG}?sign=x&endpoint={fake.url}"
        office = AnsweringOffice(tmp_path, ROSTER.replace("phone://zhang", url))
        await office.engine_says(change())
        await office.until("03:00:31")
        said = tencent_said(f"+86{ZHANG}", "1", office.clock.now() // 1_000_000)
        spool.keep([said])
        office.replies.take([said])
        pulling(office, tmp_path).pull()
        with reading(office.database) as connection:
            (row,) = connection.execute(sa.select(sms_reply)).mappings()
        assert row["outcome"] == "acknowledged"
        assert spool.waiting() == []
        office.close()


async def test_a_refusal_to_give_answers_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with HttpFake(Tencent(secret_key="other")) as fake:
        url = f"tencentsms://AKID:tc@1400006666/449739/{ZHANG}?sign=x&endpoint={fake.url}"
        office = AnsweringOffice(tmp_path, ROSTER.replace("phone://zhang", url))
        pull = pulling(office, tmp_path)
        assert (pull.pull(), pull.pull()) == (0, 0)
        office.close()
    assert capsys.readouterr().out.count("answers by SMS cannot be fetched") == 1
