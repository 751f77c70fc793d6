"""Runs the HTTP application inside the service's event loop."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from config.settings import HttpSettings


class PortTakenError(OSError):
    """The address where health and pages are served cannot be had."""


def listen(settings: HttpSettings) -> socket.socket:
    """The listening socket. Raises PortTakenError: uvicorn alone would end the process without a sentence."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=128)
    except OSError as error:
        raise PortTakenError(
            f"[http] {settings.host}:{settings.port} cannot be listened on ({error.strerror}); end the other "
            "program, or choose another port in [http]"
        ) from error


class HttpServer(uvicorn.Server):
    """uvicorn that leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals: the service ends everything in its own order."""
        yield

    @classmethod
    def of(cls, app: FastAPI, settings: HttpSettings) -> HttpServer:
        """A server for the application; `await serve()`, end it by `should_exit = True`."""
        return cls(
            uvicorn.Config(
                app,
                settings.host,
                settings.port,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
            )
        )
