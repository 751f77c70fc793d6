"""Runs the HTTP application inside the service's event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from config.settings import HttpSettings


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
