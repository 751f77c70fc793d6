"""Where messages come from: settings of one MQTT subscription."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

DEFAULT_TOPICS = (
    "jingqiao/v1/+/readings",
    "jingqiao/v1/+/strain",
    "jingqiao/v1/+/acceleration",
    "jingqiao/v1/+/status",
    "application/+/device/+/event/+",
    "v3/+/devices/+/up",
    "$sys/+/+/thing/property/post",
    "$sys/+/+/dp/post/json",
    "spBv1.0/+/NBIRTH/+",
    "spBv1.0/+/NDATA/+",
    "spBv1.0/+/NDEATH/+",
    "spBv1.0/+/DBIRTH/+/+",
    "spBv1.0/+/DDATA/+/+",
    "spBv1.0/+/DDEATH/+/+",
)
"""Native protocol, ChirpStack v4, The Things Stack v3, OneNET (thing model, data points), Sparkplug B."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class SourceSettings(BaseModel):
    """One MQTT broker and what to hear there.

    url : mqtt://host[:port] or mqtts://host[:port] (TLS).
    protocol : "5" for the lossless hot path; "3.1.1" for platforms that speak nothing newer.
    password : Comes from the environment; never written to a log.
    client_id : Names the persistent session; two services must not share one (use shared_group).
    shared_group : Share the stream with other services of the same group ($share/group/filter).
    keep_alive_s : A broker silent for 1.5 × this long counts as dead.
    session_expiry_s : How long the broker keeps what we miss while away.
    receive_maximum : QoS 1 messages the broker may send ahead of our acknowledgement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "mqtt://127.0.0.1:1883"
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password: SecretStr | None = None
    client_id: str = Field(default="jingqiao", min_length=1, max_length=128)
    topics: tuple[str, ...] = Field(default=DEFAULT_TOPICS, min_length=1)
    shared_group: str | None = Field(default=None, pattern=r"^[^/+#]+$")
    keep_alive_s: int = Field(default=30, ge=1, le=65535)
    session_expiry_s: int = Field(default=7 * 86400, ge=0, le=0xFFFFFFFF)
    receive_maximum: int = Field(default=65535, ge=1, le=65535)
    max_packet_bytes: int = Field(default=1 << 20, ge=1 << 10, le=268435455)
    connect_timeout_s: float = Field(default=10.0, gt=0)
    reconnect_max_s: float = Field(default=30.0, gt=0)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _url_names_a_broker(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("must be mqtt://host:port or mqtts://host:port")
        if parts.username is not None or parts.password is not None:
            raise ValueError("user and password do not belong in the address; use username and password")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("must end after the port")
        _ = parts.port  # raises ValueError when it is no port number
        return url

    @field_validator("topics")
    @classmethod
    def _topics_are_filters(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            levels = topic.split("/")
            wild = any(("+" in level and level != "+") or "#" in level for level in levels[:-1])
            last = levels[-1]
            if not topic or wild or ("#" in last and last != "#") or ("+" in last and last != "+"):
                raise ValueError(f"{topic!r} is no topic filter: + and # stand alone, # only at the end")
            if topic.startswith("$share/"):
                raise ValueError(f"{topic!r}: name the group in shared_group instead")
        return topics

    @model_validator(mode="after")
    def _certificates_fit(self) -> SourceSettings:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file come together")
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("certificates need an address that begins with mqtts://")
        return self

    @property
    def host(self) -> str:
        """Host name or address of the broker."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Port of the broker: the one given, else 1883 (8883 with TLS)."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def filters(self) -> tuple[str, ...]:
        """Topic filters as they are subscribed to, with the shared group if there is one."""
        if self.shared_group is None:
            return self.topics
        return tuple(f"$share/{self.shared_group}/{topic}" for topic in self.topics)
