"""`jingqiao notify`: says what really happened, shows no key."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from jingqiao.cli import main
from jingqiao.clock import WallClock
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.providers import Aliyun, AliyunVoice, WeCom
from tests.support.response import ROSTER, Office, change


def run(folder: Path, *arguments: str) -> Result:
    (folder / "jingqiao.toml").write_text('data_dir = "."\nroster = "roster.toml"\n')
    return CliRunner(env={"JINGQIAO_LANGUAGE": "en"}).invoke(
        main, [*arguments[:2], "-c", str(folder / "jingqiao.toml"), *arguments[2:]]
    )


def test_every_channel_of_a_person_is_tried_and_a_refusal_is_said(tmp_path: Path) -> None:
    provider = WeCom()
    with HttpFake(provider) as fake:
        urls = [f'"wecombot://{key}?endpoint={fake.url}"' for key in ("KEY", "WRONG-KEY")]
        (tmp_path / "roster.toml").write_text(ROSTER.replace('"phone://zhang"', ", ".join(urls)))
        done = run(tmp_path, "notify", "test", "zhang", "--json")
    assert done.exit_code == 1
    assert [(row["result"], row["provider_code"]) for row in json.loads(done.stdout)] == [
        ("sent", "0"),
        ("failed_permanent", "93000"),
    ]
    assert "演练" in provider.got[0]
    assert "KEY" not in done.stdout


def test_what_the_provider_says_afterwards_is_said_too(tmp_path: Path) -> None:
    """Taken is not delivered: one phone is switched off, on the other somebody listens to the end."""
    sms, voice = Aliyun(), AliyunVoice(ended={"1^100": ("200000", 20)})

    def off(request: Request) -> Answer:
        answer = sms(request)
        for sent in sms.sent:
            sms.status[sent["OutId"]] = (2, "MOBILE_NOT_ON_SERVICE")
        return answer

    with HttpFake(off) as sms_fake, HttpFake(voice) as voice_fake:
        key = "LTAI:ali%2Bs%2Fecret"
        urls = (
            f'"alisms://{key}@SMS_1/13800000001?sign=x&endpoint={sms_fake.url}",'
            f'"alivoice://{key}@TTS_1/13800000001?endpoint={voice_fake.url}"'
        )
        (tmp_path / "roster.toml").write_text(ROSTER.replace('"phone://zhang"', urls))
        done = run(tmp_path, "notify", "test", "zhang", "--json")
        table = run(tmp_path, "notify", "test", "zhang", "--wait", "0")
    assert done.exit_code == 1
    assert [(row["result"], row["receipt"], row["receipt_code"]) for row in json.loads(done.stdout)] == [
        ("sent", "failed", "MOBILE_NOT_ON_SERVICE"),
        ("sent", "read", "200000"),
    ]
    assert "not delivered!" in table.stdout
    assert "13800000001" not in done.stdout + table.stdout


def test_a_channel_of_apprise_is_shown_with_what_its_sent_is_worth(tmp_path: Path) -> None:
    with HttpFake(lambda request: Answer()) as fake:
        url = f'"json://127.0.0.1:{fake.port}/"'
        (tmp_path / "roster.toml").write_text(ROSTER.replace('"phone://zhang"', url))
        (row,) = json.loads(run(tmp_path, "notify", "test", "zhang", "--json").stdout)
    assert (row["result"], row["strict"], row["receipt"]) == ("sent", False, None)


def test_answers_by_sms_are_listed(tmp_path: Path) -> None:
    assert run(tmp_path, "notify", "replies").stdout == "No answers by SMS\n"
    assert json.loads(run(tmp_path, "notify", "replies", "--json").stdout) == []


def test_somebody_unknown_is_named_with_those_who_are_known(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text(ROSTER)
    done = run(tmp_path, "notify", "test", "zhao")
    assert (done.exit_code, done.stderr) == (
        2,
        "the roster has no 'zhao'; it has: zhang, li, wang, office\n",
    )


async def test_the_outbox_is_listed_with_its_tries(tmp_path: Path) -> None:
    office = Office(tmp_path, url=f"sqlite:///{tmp_path}/jingqiao.sqlite")
    await office.engine_says(change())
    office.close()
    (row,) = json.loads(run(tmp_path, "notify", "list", "--json").stdout)
    assert (row["person"], row["state"], row["attempts"][0]["channel"]) == ("zhang", "sent", "phone")
    assert run(tmp_path, "notify", "list", "--state", "failed").stdout == "the outbox is empty\n"


async def test_the_quota_of_each_person_and_channel_is_shown(tmp_path: Path) -> None:
    roster = ROSTER.replace("phone://zhang", "wecomapp://c:s@1/zhang")
    office = Office(tmp_path, roster, url=f"sqlite:///{tmp_path}/jingqiao.sqlite")
    office.clock._now = WallClock().now()
    await office.engine_says(*(change(asset_id=f"A{number}") for number in range(31)))
    office.close()
    rows = json.loads(run(tmp_path, "notify", "quota", "zhang", "--json").stdout)
    assert [(row["window_s"], row["used"], row["limit"]) for row in rows] == [(60, 30, 30), (3600, 30, 1000)]
    assert rows[0]["full_until"] is not None
    assert "30 / 30" in run(tmp_path, "notify", "quota").stdout
    assert run(tmp_path, "notify", "quota", "nobody").exit_code == 2


def test_check_finds_somebody_who_could_be_told_of_red_only(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text(ROSTER.replace("phone://zhang", "alivoice://a:b@T/13800000001"))
    done = run(tmp_path, "check")
    assert done.exit_code == 1
    assert "no channel for orange, yellow, blue" in done.output
