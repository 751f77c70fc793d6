"""Each strict channel against a fake of its provider: yes is yes, no is no, silence is neither."""

from collections.abc import Callable

import apprise
import pytest

from jingqiao.clock import WallClock
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.providers import Aliyun, AliyunVoice, DingTalk, Feishu, Tencent, WeCom

SENDER = AppriseSender(timeout_s=0.4)
FIELDS = {"severity": "红色", "hazard": "井盖缺失", "place": "武昌大道55号", "id": "1", "note": ""}


def outgoing(
    url: str, body: str = "【红色】井盖缺失：武昌大道55号", reference: str = "1:0:0:zhang"
) -> Outgoing:
    return Outgoing("张三", url, "", body, FIELDS, reference)


def try_once(provider: Callable[[Request], Answer], url: str, body: str = "【红色】井盖缺失") -> Outcome:
    with HttpFake(provider) as fake:
        return SENDER.send(outgoing(url + ("&" if "?" in url else "?") + f"endpoint={fake.url}", body))


BOT = "wecombot://KEY"
APP = "wecomapp://ww1:s3@1000002/ZhangSan"
DING = "dingtalk://SEC1@tok/13800000000"
FEISHU = "feishu://hook-1?secret=fs"
ALI = "alisms://LTAI:ali%2Bs%2Fecret@SMS_154950909/13800000000?sign=鄂州城管"
VOICE = "alivoice://LTAI:ali%2Bs%2Fecret@TTS_10001/13800000000"
TENCENT = "tencentsms://AKID:tc@1400006666/449739/13800000000?sign=鄂州城管"


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        (WeCom(), BOT),
        (WeCom(), APP),
        (DingTalk(), DING),
        (Feishu(), FEISHU),
        (Aliyun(), ALI),
        (Tencent(), TENCENT),
        (AliyunVoice(), VOICE),
    ],
)
def test_a_yes_is_sent(provider: Callable[[Request], Answer], url: str) -> None:
    assert try_once(provider, url).result is Result.SENT


@pytest.mark.parametrize(
    ("provider", "url", "result", "code"),
    [
        (WeCom(key="OTHER"), BOT, Result.FAILED_PERMANENT, "93000"),
        (
            WeCom(failing=[Answer(body={"errcode": 45009, "errmsg": "api freq out of limit"})]),
            BOT,
            Result.FAILED_TEMPORARY,
            "45009",
        ),
        (WeCom(members=("LiSi",)), APP, Result.FAILED_PERMANENT, "invaliduser"),
        (WeCom(secret="other"), APP, Result.FAILED_PERMANENT, "40001"),
        (DingTalk(limit=0), DING, Result.FAILED_TEMPORARY, "130101"),
        (DingTalk(secret="SEC2"), DING, Result.FAILED_PERMANENT, "310000"),
        (DingTalk(token="other"), DING, Result.FAILED_PERMANENT, "300005"),
        (Feishu(busy=1), FEISHU, Result.FAILED_TEMPORARY, "11232"),
        (Feishu(malformed=1), FEISHU, Result.FAILED_PERMANENT, "9499"),
        (Feishu(secret="other"), FEISHU, Result.FAILED_PERMANENT, "19021"),
        (Feishu(token="other"), FEISHU, Result.FAILED_PERMANENT, "19001"),
        (Aliyun(key_secret="other"), ALI, Result.FAILED_PERMANENT, "SignatureDoesNotMatch"),
        (
            Aliyun(refusals=["isv.MOBILE_NUMBER_ILLEGAL"]),
            ALI,
            Result.FAILED_PERMANENT,
            "isv.MOBILE_NUMBER_ILLEGAL",
        ),
        (
            Aliyun(refusals=["isv.BUSINESS_LIMIT_CONTROL"]),
            ALI,
            Result.FAILED_TEMPORARY,
            "isv.BUSINESS_LIMIT_CONTROL",
        ),
        (AliyunVoice(key_secret="other"), VOICE, Result.FAILED_PERMANENT, "SignatureDoesNotMatch"),
        (
            AliyunVoice(refusals=["isv.BUSINESS_LIMIT_CONTROL"]),
            VOICE,
            Result.FAILED_TEMPORARY,
            "isv.BUSINESS_LIMIT_CONTROL",
        ),
        (AliyunVoice(refusals=["isv.OUT_OF_SERVICE"]), VOICE, Result.FAILED_PERMANENT, "isv.OUT_OF_SERVICE"),
        (Tencent(secret_key="other"), TENCENT, Result.FAILED_PERMANENT, "AuthFailure.SignatureFailure"),
        (
            Tencent(codes=[("LimitExceeded.PhoneNumberDailyLimit", "the number of SMS messages sent")]),
            TENCENT,
            Result.FAILED_TEMPORARY,
            "LimitExceeded.PhoneNumberDailyLimit",
        ),
        (
            Tencent(codes=[("InvalidParameterValue.IncorrectPhoneNumber", "incorrect phone number")]),
            TENCENT,
            Result.FAILED_PERMANENT,
            "InvalidParameterValue.IncorrectPhoneNumber",
        ),
        (lambda request: Answer(body=b"<html>portal</html>"), BOT, Result.FAILED_PERMANENT, "http 200"),
        (lambda request: Answer(503), BOT, Result.FAILED_TEMPORARY, "http 503"),
        (lambda request: Answer(504), ALI, Result.UNKNOWN, "http 504"),
    ],
)
def test_a_no_is_heard_though_http_says_200(
    provider: Callable[[Request], Answer], url: str, result: Result, code: str
) -> None:
    outcome = try_once(provider, url)
    assert (outcome.result, outcome.provider_code) == (result, code)


@pytest.mark.parametrize("url", [BOT, DING, FEISHU, ALI, TENCENT, VOICE])
def test_silence_after_the_request_is_neither_yes_nor_no(url: str) -> None:
    assert try_once(lambda request: Answer(silent=True), url).result is Result.UNKNOWN


@pytest.mark.parametrize("url", [BOT, APP, DING, FEISHU, ALI, TENCENT, VOICE])
def test_a_connection_that_never_came_about_is_surely_unsent(url: str) -> None:
    with HttpFake(lambda request: Answer()) as fake:
        closed = fake.url
    outcome = SENDER.send(outgoing(url + ("&" if "?" in url else "?") + f"endpoint={closed}"))
    assert (outcome.result, outcome.provider_code) == (Result.FAILED_TEMPORARY, "no connection")


@pytest.mark.parametrize(
    "url",
    ["wecombot://", "wecomapp://ww1@5/x", "alisms://a:b@T/138", "tencentsms://a:b@1/2", "alivoice://a@T/138"],
)
def test_a_url_that_lacks_something_says_what_and_shows_nothing(url: str) -> None:
    outcome = SENDER.send(outgoing(url))
    assert outcome.result is Result.FAILED_PERMANENT
    assert "lacks" in outcome.detail
    assert "138" not in outcome.detail


def test_a_long_message_goes_to_wecom_in_parts_of_2048_bytes() -> None:
    provider = WeCom()
    body = "\n".join(f"第{i}处：武昌大道{i}号井盖缺失，请立即围挡" for i in range(100))
    assert try_once(provider, BOT, body).result is Result.SENT
    assert "".join(provider.got) == body
    assert len(provider.got) == 3


def test_a_later_part_that_is_lost_does_not_repeat_the_warning() -> None:
    provider = WeCom()
    busy = Answer(body={"errcode": 45009, "errmsg": "api freq out of limit"})
    count = 0

    def second_fails(request: Request) -> Answer:
        nonlocal count
        count += 1
        return busy if count == 2 else provider(request)

    outcome = try_once(second_fails, BOT, "盖" * 700)
    assert (outcome.result, outcome.detail) == (Result.SENT, "part 2 of 2 was lost: 45009")


def test_an_expired_token_of_wecom_is_asked_for_anew_and_a_good_one_is_kept() -> None:
    provider = WeCom()
    with HttpFake(provider) as fake:
        url = f"{APP}?endpoint={fake.url}"
        assert SENDER.send(outgoing(url, "一")).result is Result.SENT
        assert SENDER.send(outgoing(url, "二")).result is Result.SENT
        assert provider.tokens == ["T0"]
        provider.tokens.append("changed by somebody else")
        assert SENDER.send(outgoing(url, "三")).result is Result.SENT
    assert provider.got == ["一", "二", "三"]


def test_wecom_drops_a_second_copy_so_a_silent_try_may_be_repeated() -> None:
    provider = WeCom()
    with HttpFake(provider) as fake:
        message = outgoing(f"{APP}?endpoint={fake.url}")
        SENDER.send(message)
        assert SENDER.ask(message, "", WallClock().now()) == Receipt(Delivery.NEVER_SEEN)
        assert SENDER.send(message).result is Result.SENT
    assert len(provider.got) == 1


def test_aliyun_is_given_template_and_facts_not_free_text() -> None:
    provider = Aliyun()
    try_once(provider, ALI + "&params=hazard,place")
    (sent,) = provider.sent
    assert (sent["SignName"], sent["TemplateCode"]) == ("鄂州城管", "SMS_154950909")
    assert sent["TemplateParam"] == '{"hazard": "井盖缺失", "place": "武昌大道55号"}'


@pytest.mark.parametrize("age_s", [0, 60])
@pytest.mark.parametrize(("provider", "url"), [(Aliyun, ALI), (Tencent, TENCENT)])
def test_after_a_time_out_the_provider_knows_whether_it_was_sent(
    provider: type[Aliyun | Tencent], url: str, age_s: int
) -> None:
    sent_at = WallClock().now() - age_s * 1_000_000
    carried_out, lost = provider(silent_after=1), provider(silent_before=1)
    with HttpFake(carried_out) as fake:
        message = outgoing(f"{url}&endpoint={fake.url}")
        assert SENDER.send(message).result is Result.UNKNOWN
        receipt = SENDER.ask(message, "", sent_at)
        assert receipt is not None
        assert receipt.delivery is Delivery.DELIVERED
    with HttpFake(lost) as fake:
        message = outgoing(f"{url}&endpoint={fake.url}")
        assert SENDER.send(message).result is Result.UNKNOWN
        receipt = SENDER.ask(message, "", sent_at)
        assert receipt is not None
        assert receipt.delivery is (Delivery.NOT_YET if age_s == 0 else Delivery.NEVER_SEEN)


def test_a_number_that_is_switched_off_is_a_failure_afterwards() -> None:
    provider = Aliyun()
    with HttpFake(provider) as fake:
        message = outgoing(f"{ALI}&endpoint={fake.url}")
        outcome = SENDER.send(message)
        provider.status[provider.sent[0]["OutId"]] = (2, "MOBILE_SEND_LIMIT")
        assert SENDER.ask(message, outcome.provider_id, WallClock().now()) == Receipt(
            Delivery.FAILED, "MOBILE_SEND_LIMIT"
        )


@pytest.mark.parametrize(
    ("words", "wait_s"),
    [("触发分钟级流控Permits:1", 60), ("触发小时级流控Permits:5", 3600), ("触发天级流控Permits:50", 86_400)],
)
def test_aliyuns_refusal_says_for_how_long(words: str, wait_s: float) -> None:
    outcome = try_once(Aliyun(refusals=[f"isv.BUSINESS_LIMIT_CONTROL {words}"]), ALI)
    assert (outcome.result, outcome.retry_after_s) == (Result.FAILED_TEMPORARY, wait_s)


def test_tencents_day_limit_is_a_day() -> None:
    outcome = try_once(Tencent(codes=[("LimitExceeded.PhoneNumberDailyLimit", "")]), TENCENT)
    assert outcome.retry_after_s == 86_400


def test_a_call_reads_the_facts_aloud_three_times() -> None:
    provider = AliyunVoice()
    try_once(provider, f"{VOICE}?show=05711234567&params=hazard,place")
    (call,) = provider.calls
    assert (call["CalledNumber"], call["CalledShowNumber"], call["TtsCode"], call["PlayTimes"]) == (
        "13800000000",
        "05711234567",
        "TTS_10001",
        "3",
    )
    assert call["TtsParam"] == '{"hazard": "井盖缺失", "place": "武昌大道55号"}'


@pytest.mark.parametrize(
    ("ended", "delivery"),
    [
        (None, Delivery.WAITING),
        (("200000", 25), Delivery.READ),
        (("200001", 4), Delivery.DELIVERED),
        (("200002", 0), Delivery.FAILED),
        (("200003", 0), Delivery.FAILED),
        (("200010", 0), Delivery.FAILED),
        (("502", 0), Delivery.FAILED),
    ],
)
def test_how_a_call_ended_is_asked_for(ended: tuple[str, int] | None, delivery: Delivery) -> None:
    provider = AliyunVoice()
    with HttpFake(provider) as fake:
        message = outgoing(f"{VOICE}?endpoint={fake.url}")
        outcome = SENDER.send(message)
        if ended is not None:
            provider.ended[outcome.provider_id] = ended
        receipt = SENDER.ask(message, outcome.provider_id, WallClock().now())
    assert receipt is not None
    assert receipt.delivery is delivery


@pytest.mark.parametrize(("age_s", "known"), [(0, Receipt(Delivery.NOT_YET)), (100, None)])
def test_a_call_that_nobody_saw_begin_waits_for_a_push_and_then_is_made_again(
    age_s: int, known: Receipt | None
) -> None:
    """Its number is not known, so nobody can be asked."""
    with HttpFake(AliyunVoice(silent_after=1)) as fake:
        message = outgoing(f"{VOICE}?endpoint={fake.url}")
        assert SENDER.send(message).result is Result.UNKNOWN
        assert SENDER.ask(message, "", WallClock().now() - age_s * 1_000_000) == known


def test_a_channel_that_names_several_members_is_refused() -> None:
    outcome = SENDER.send(outgoing("wecomapp://ww1:s3@1000002/ZhangSan|LiSi"))
    assert (outcome.result, "several members" in outcome.detail) == (Result.FAILED_PERMANENT, True)


@pytest.mark.parametrize(
    ("provider", "url", "sent"),
    [(WeCom(), BOT, True), (WeCom(key="OTHER"), BOT, False), (DingTalk(limit=0), DING, False)],
)
def test_whoever_sends_through_apprise_hears_the_no_as_well(
    provider: Callable[[Request], Answer], url: str, sent: bool
) -> None:
    with HttpFake(provider) as fake:
        hub = apprise.Apprise()
        assert hub.add(f"{url}?endpoint={fake.url}")
        assert bool(hub.notify(body="【红色】井盖缺失")) is sent
    assert "KEY" not in hub[0].url()
