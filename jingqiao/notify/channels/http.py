"""One HTTP call to a provider, and what is surely known of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3

from jingqiao.notify.sender import NO_CONNECTION, Outcome, Result

_NEVER_LEFT: Final = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
)
_MAYBE_ACTED: Final = frozenset({408, 502, 504})
"""HTTP states of gateways that gave up waiting: whoever stands behind them may have acted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's answer: HTTP state, headers, and the body as JSON ({} where it is none)."""

    status: int
    headers: Mapping[str, str]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """The way to a provider.

    endpoint : str  `https://host`, without a slash at the end.
    timeout : (connect, read) [s]
    """

    endpoint: str
    timeout: tuple[float, float] = (4.0, 10.0)
    verify: bool = True

    @property
    def host(self) -> str:
        """Host and port as they stand in the `Host` header."""
        return urlsplit(self.endpoint).netloc

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply | Outcome:
        """The provider's reply, or, where there is none, what that means for the message.

        A connection that never came about is a surely unsent message; one that fell silent or broke after
        the request was out leaves the message UNKNOWN.
        """
        try:
            response = requests.request(
                method,
                self.endpoint + path,
                headers=dict(headers or {}),
                params=dict(params or {}),
                data=body,
                timeout=self.timeout,
                verify=self.verify,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return _no_reply(error)
        if response.status_code in _MAYBE_ACTED:
            return Outcome(Result.UNKNOWN, f"http {response.status_code}", "a gateway gave up waiting")
        if response.status_code == 429 or response.status_code >= 500:
            wait = response.headers.get("Retry-After", "")
            return Outcome(
                Result.FAILED_TEMPORARY,
                f"http {response.status_code}",
                retry_after_s=float(wait) if wait.isdigit() else None,
            )
        return Reply(response.status_code, response.headers, _document(response.content))

    def post_json(
        self, path: str, document: Mapping[str, Any], params: Mapping[str, str] | None = None
    ) -> Reply | Outcome:
        """`call` with a JSON body."""
        return self.call(
            "POST",
            path,
            params=params,
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=json.dumps(document, ensure_ascii=False).encode(),
        )


def _no_reply(error: requests.RequestException) -> Outcome:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError) or isinstance(
        reason, _NEVER_LEFT
    ):
        return Outcome(Result.FAILED_TEMPORARY, NO_CONNECTION, type(reason).__name__)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return Outcome(Result.FAILED_PERMANENT, "url", "the provider's address is none")
    return Outcome(Result.UNKNOWN, "no answer", type(error).__name__)


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
