"""Settings of a source say at once what is wrong with them, and keep their secrets."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from config.messages import text
from config.sources import SourceSettings


def test_the_port_follows_from_the_scheme_where_none_is_given():
    assert SourceSettings(url="mqtt://broker").port == 1883
    assert SourceSettings(url="mqtts://broker").port == 8883
    assert SourceSettings(url="mqtt://[::1]:1884").host == "::1"
    assert SourceSettings(url="mqtts://broker:1").port == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://broker",
        "broker:1883",
        "mqtt://",
        "mqtt://u:p@broker",
        "mqtt://broker/topic",
        "mqtt://broker:x",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValidationError):
        SourceSettings(url=url)


@pytest.mark.parametrize("topic", ["", "a/#/b", "a+/b", "a/b#", "$share/g/a"])
def test_a_filter_that_no_broker_takes_is_refused(topic):
    with pytest.raises(ValidationError):
        SourceSettings(topics=(topic,))


def test_a_group_is_put_before_every_filter():
    settings = SourceSettings(topics=("a/+", "b/#"), shared_group="g")
    assert settings.filters == ("$share/g/a/+", "$share/g/b/#")


def test_certificates_need_tls_and_come_in_pairs(tmp_path):
    with pytest.raises(ValidationError, match="mqtts"):
        SourceSettings(ca_file=tmp_path / "ca")
    with pytest.raises(ValidationError, match="together"):
        SourceSettings(url="mqtts://b", cert_file=tmp_path / "c")


def test_a_password_is_not_shown():
    assert "secret" not in repr(SourceSettings(password=SecretStr("secret")))


def test_every_trouble_has_a_sentence_in_both_languages():
    import re
    from pathlib import Path

    import ingest

    folder = Path(ingest.__file__).parent
    code = "".join(
        (folder / f"{name}.py").read_text() for name in ("mqtt5_source", "mqtt311_source", "reconnect")
    )
    reasons = set(re.findall(r'(?:trouble|_lose|end|Trouble|_trouble)\(\s*"(\w+)"', code))
    reasons |= set(re.findall(r': "(\w+)",', code))
    assert len(reasons) > 10
    for reason in reasons:
        assert "b:1" in text(f"mqtt.trouble.{reason}", "en", broker="b:1", detail="d")
        assert "b:1" in text(f"mqtt.trouble.{reason}", "zh", broker="b:1", detail="d")
