"""Webhooks: CloudEvents that another library reads, signed, in order, until they are taken."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat

from config.exchange import WebhookSettings
from config.settings import Settings
from jingqiao.cli import main
from jingqiao.clock import WallClock
from jingqiao.database import writing
from jingqiao.exchange.cloudevents import signed_headers
from jingqiao.exchange.webhooks import Webhooks, hook_states, retry_dead
from jingqiao.incidents.incident import Action
from rules.alarm import Hazard, Severity
from tests.support.eventually import eventually
from tests.support.exchange import SECRET, OutwardOffice, hook
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.response import LID_2, change

Behaviour = Callable[[Request], Answer]


def taking(request: Request) -> Answer:
    return Answer(204, b"")


def types(fake: HttpFake) -> list[tuple[str, str]]:
    """(type, subject) of what came."""
    events = [request.json() for request in fake.requests]
    return [(event["type"].rpartition(".")[2], event["subject"]) for event in events]


def test_the_signature_of_the_specifications_own_example() -> None:
    """Standard Webhooks, the test vector that the specification's libraries share."""
    headers = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_happens_is_told_as_signed_cloudevents_in_order(tmp_path: Path) -> None:
    with HttpFake(taking) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("一网统管", fake.url + "/in", token="t0k")])
        await office.engine_says(change())
        await office.does("zhang", Action.ACK, why="收到")
        await office.does("zhang", Action.RESOLVE, why="换盖")
        await office.webhooks.tick()
        office.close()
    assert types(fake) == [
        ("opened", "incidents/1"),
        ("acknowledged", "incidents/1"),
        ("resolved", "incidents/1"),
    ]
    request = fake.requests[1]
    assert request.headers["authorization"] == "Bearer t0k"
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, content + request.body, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    event = from_structured_event(HTTPMessage(dict(request.headers), request.body), JSONFormat())
    assert event.get_type() == "cn.jingqiao.incident.acknowledged"
    data = event.get_data()
    assert data["transition"]["who"] == "zhang"
    assert data["incident"]["id"] == 1
    assert data["case"]["stage"] == "checking"


async def test_a_system_that_is_away_gets_everything_in_order_when_it_is_back(tmp_path: Path) -> None:
    away = [Answer(503), Answer(silent=True), Answer(429, headers={"Retry-After": "30"})]

    def sometimes(request: Request) -> Answer:
        return away.pop(0) if away else taking(request)

    with HttpFake(sometimes) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", fake.url)])
        await office.engine_says(change())
        await office.engine_says(change(asset_id=LID_2))
        seen = []
        for _ in range(12):
            await office.webhooks.tick()
            seen.append(len(fake.requests))
            office.clock._now += 10_000_000
        assert {row["state"] for row in office.deliveries()} == {"delivered"}
        assert office.deliveries()[0]["tries"] == 4
        office.close()
    assert types(fake) == [("opened", "incidents/1")] * 4 + [("opened", "incidents/2")]
    assert {r.headers["webhook-id"] for r in fake.requests[:4]} == {fake.requests[0].headers["webhook-id"]}
    assert seen[:3] == [1, 2, 2]


async def test_a_refused_event_is_dead_seen_and_does_not_hold_up_the_next(tmp_path: Path) -> None:
    def picky(request: Request) -> Answer:
        return Answer(400) if request.json()["subject"] == "incidents/1" else taking(request)

    with HttpFake(picky) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", fake.url)])
        await office.engine_says(change())
        await office.engine_says(change(asset_id=LID_2))
        await office.webhooks.tick()
        assert [(row["state"], row["last_answer"]) for row in office.deliveries()] == [
            ("dead", "HTTP 400"),
            ("delivered", "HTTP 204"),
        ]
        (state,) = hook_states(office.database, ["a"], 0)
        assert (state.dead, state.waiting) == (1, 0)
        fake.behaviour = taking
        with writing(office.database) as connection:
            assert retry_dead(connection, "a", office.clock.now()) == 1
        await office.webhooks.tick()
        assert [row["state"] for row in office.deliveries()] == ["delivered", "delivered"]
        office.close()


async def test_an_event_is_given_up_after_three_days(tmp_path: Path) -> None:
    with HttpFake(lambda request: Answer(500)) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", fake.url)])
        await office.engine_says(change())
        await office.webhooks.tick()
        assert [row["state"] for row in office.deliveries()] == ["pending"]
        (state,) = hook_states(office.database, ["a"], 0)
        assert (state.waiting, state.waiting_since) == (1, office.deliveries()[0]["last_try_at"])
        office.clock._now += 73 * 3600 * 1_000_000
        await office.webhooks.tick()
        assert [row["state"] for row in office.deliveries()] == ["dead"]
        office.close()


async def test_one_system_that_hangs_does_not_keep_another_waiting(tmp_path: Path) -> None:
    with HttpFake(lambda request: Answer(silent=True)) as hanging, HttpFake(taking) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", hanging.url), hook("b", fake.url)])
        await office.engine_says(*(change(asset_id=f"A{number}") for number in range(30)))
        await office.webhooks.tick()
        office.close()
    assert len(fake.requests) == 30
    assert len(hanging.requests) == 1


async def test_a_slow_system_keeps_neither_others_nor_new_events_waiting(tmp_path: Path) -> None:
    released = threading.Event()

    def slow(request: Request) -> Answer:
        released.wait(10)
        return taking(request)

    with HttpFake(slow) as patient, HttpFake(taking) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", patient.url, timeout_s=20), hook("b", fake.url)])
        webhooks = Webhooks(office.database, office.settings, office.outlet, WallClock())
        running = asyncio.create_task(webhooks.run())
        for number in range(3):
            await office.engine_says(change(asset_id=f"A{number}"))
            await eventually(lambda number=number: len(fake.requests) == number + 1)
        assert len(patient.requests) == 1
        released.set()
        await eventually(lambda: len(patient.requests) == 3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        office.close()


async def test_a_system_hears_only_what_it_asked_for(tmp_path: Path) -> None:
    with HttpFake(taking) as fake:
        office = OutwardOffice(
            tmp_path, webhooks=[hook("a", fake.url, events=["opened", "closed"], severities=["red"])]
        )
        await office.engine_says(
            change(), change(asset_id=LID_2, hazard=Hazard.LOOSE, severity=Severity.BLUE)
        )
        await office.does("zhang", Action.ACK)
        await office.does("zhang", Action.CLOSE)
        await office.webhooks.tick()
        office.close()
    assert types(fake) == [("opened", "incidents/1"), ("closed", "incidents/1")]


async def test_a_crash_between_sending_and_writing_down_sends_the_same_event_again(tmp_path: Path) -> None:
    """The receiver knows it by its id: at least once, and never a gap."""
    with HttpFake(taking) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", fake.url)])
        await office.engine_says(change())
        await office.webhooks.tick()
        with writing(office.database) as connection:
            connection.exec_driver_sql("UPDATE webhook_delivery SET state = 'pending', due_at = 0")
        await office.webhooks.tick()
        office.close()
    first, second = fake.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with HttpFake(lambda request: Answer(307, headers={"Location": "http://127.0.0.1:9/"})) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("a", fake.url)])
        await office.engine_says(change())
        await office.webhooks.tick()
        assert office.deliveries()[0]["last_answer"] == "HTTP 307"
        office.close()
    assert len(fake.requests) == 1


def test_the_commands_show_test_and_retry_and_print_no_secret(tmp_path: Path) -> None:
    with HttpFake(taking) as fake:
        (tmp_path / "jingqiao.toml").write_text(
            f'data_dir = "."\n[[webhooks]]\nname = "platform"\nurl = "{fake.url}/k3y"\nsecret = "{SECRET}"\n',
            "utf-8",
        )

        def say(*words: str) -> tuple[int, str]:
            done = CliRunner().invoke(main, ["webhooks", *words, "-c", str(tmp_path / "jingqiao.toml")])
            return done.exit_code, done.output

        assert say("list", "--json") == (0, "[]\n")
        assert say("test", "platform") == (0, "platform：HTTP 204\n")
        assert say("retry", "platform") == (0, "已重新排入 0 条\n")
        code, output = say("test", "other")
        assert (code, "platform" in output, "k3y" in output) == (2, True, False)
    assert fake.requests[0].json()["type"] == "cn.jingqiao.test"
    assert say("test", "platform")[0] == 1


def test_the_urls_and_secrets_of_settings_are_not_printed() -> None:
    settings = WebhookSettings(name="a", url="https://x.example/k3y", secret=SECRET)
    assert "k3y" not in repr(settings)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("url", ["ftp://x", "x.example/in", "https://", "file:///etc/passwd"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="begins with https"):
        WebhookSettings(name="a", url=url, secret=SECRET)


def test_two_webhooks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        Settings(webhooks=[hook("a", "http://x"), hook("a", "http://y")])


def test_the_body_keeps_chinese_and_holds_no_nan() -> None:
    from jingqiao.exchange.cloudevents import body_of

    assert body_of({"a": "盖"}) == '{"a":"盖"}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        body_of({"a": float("nan")})
    assert json.loads(body_of({"a": [1]})) == {"a": [1]}
