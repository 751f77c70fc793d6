"""Settings of what goes out to other systems: CAP messages and webhooks."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Colour = Literal["red", "orange", "yellow", "blue"]


class CapSettings(BaseModel):
    """Warnings in the Common Alerting Protocol, for systems that fetch them.

    sender : Who we are in CAP messages, unique in the world by agreement: an address or a domain name.
    sender_name, contact : For people who read them.
    severities, hazards : What becomes a CAP message; hazards () = all that endanger people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sender: str
    sender_name: str = ""
    contact: str = ""
    severities: tuple[Colour, ...] = ("red", "orange", "yellow")
    hazards: tuple[str, ...] = ()

    @field_validator("sender")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not re.fullmatch(r"[^\s,<&]+", value):
            raise ValueError("a sender holds no space, comma, < or &; for example jingqiao@ezhou.gov.cn")
        return value


class WebhookSettings(BaseModel):
    """A system that is told of each change of an incident.

    name : What people call it; also how it is known in the database: another name is another system.
    secret : Signs what is sent, 16 characters or more; better from the environment.
    token : Sent along as `Authorization: Bearer …`, where the receiver wants that.
    events, severities : What it is told of; () = everything.
    timeout_s : How long it may take to answer [s].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64)
    url: SecretStr
    secret: SecretStr = Field(min_length=16)
    token: SecretStr | None = None
    events: tuple[str, ...] = ()
    severities: tuple[Colour, ...] = ()
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    @field_validator("url")
    @classmethod
    def _http(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an address begins with https:// or http://")
        return value
