"""The ledger counts as the provider does: by robot, member or number, whatever else a URL says."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.roster import load_roster
from jingqiao.notify.channels import CHANNELS, account_of
from tests.support.response import ROSTER, Office, change

SAME = {
    "wecombot": ("wecombot://KEY", "wecombot://KEY?verify=no", "wecombot://x?key=KEY"),
    "wecomapp": (
        "wecomapp://ww1:old@1000002/Zhang",
        "wecomapp://ww1:new@1000002/Zhang?endpoint=https://a.cn",
    ),
    "dingtalk": ("dingtalk://S@TOKEN", "dingtalk://OTHER@TOKEN/13800000001"),
    "feishu": ("feishu://TOKEN", "feishu://TOKEN?secret=new"),
    "alisms": (
        "alisms://id:key@SMS_1/13800000001?sign=x",
        "alisms://id2:key2@SMS_1/+8613800000001?sign=x&params=place",
    ),
    "tencentsms": (
        "tencentsms://id:key@1400006666/449739/13800000001?sign=x",
        "tencentsms://id2:key2@1400006666/449740/+8613800000001?sign=y&region=ap-beijing",
    ),
    "alivoice": ("alivoice://id:key@TTS_1/13800000001", "alivoice://id:key@TTS_2/13800000001?times=1"),
}
OTHERS = (
    "wecombot://KEY2",
    "wecomapp://ww1:old@1000002/Li",
    "wecomapp://ww1:old@1000003/Zhang",
    "dingtalk://S@TOKEN2",
    "feishu://KEY",
    "alisms://id:key@SMS_1/13800000002?sign=x",
    "alisms://id:key@SMS_2/13800000001?sign=x",
    "alisms://id:key@SMS_1/13800000001?sign=y",
    "tencentsms://id:key@1400006666/449739/13800000002?sign=x",
    "alivoice://id:key@TTS_1/13800000002",
    "json://127.0.0.1/a",
    "json://127.0.0.1/a?to=b",
    "wecomapp://wrong",
)


def test_every_channel_of_ours_says_what_is_counted() -> None:
    assert set(SAME) == set(CHANNELS)


@pytest.mark.parametrize("urls", SAME.values(), ids=list(SAME))
def test_a_changed_word_in_a_url_begins_no_new_count(urls: tuple[str, ...]) -> None:
    assert len({account_of(url) for url in urls}) == 1


def test_what_the_provider_counts_apart_is_counted_apart_and_shows_nothing() -> None:
    accounts = [account_of(url) for url in (*OTHERS, *(urls[0] for urls in SAME.values()))]
    assert len(set(accounts)) == len(accounts)
    assert not any("KEY" in account or "13800000001" in account for account in accounts)


async def test_a_robot_whose_url_was_changed_within_its_minute_waits_all_the_same(tmp_path: Path) -> None:
    """03:00:00 twenty messages; the URL gets a word more; the next goes at 03:01:00."""
    plain, changed = "wecombot://KEY", "wecombot://KEY?verify=no"
    office = Office(tmp_path, ROSTER.replace("phone://zhang", plain))
    await office.engine_says(*(change(asset_id=f"L{n}") for n in range(20)))
    assert len(office.phones.got) == 20
    (tmp_path / "roster.toml").write_text(ROSTER.replace("phone://zhang", changed), "utf-8")
    office.roster = load_roster(tmp_path / "roster.toml", {})
    await office.engine_says(change(asset_id="L20"))
    assert len(office.phones.got) == 20
    await office.until("03:01:00")
    assert [(when, to) for when, to, *_ in office.phones.got[20:]] == [("03:01:00", "张三")]
    office.close()
