"""Debian's Chromium, driven by playwright; a page that speaks to another host fails its test."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, ViewportSize, async_playwright

from jingqiao.console import static_files

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESK = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
)


def need_chromium() -> str:
    """Path of the browser; skips the test where there is none, but fails where CI is set."""
    lacking = "chromium is not installed" if CHROMIUM is None else ""
    if static_files.missing():
        lacking = "the console's front-end files are missing: make vendor"
    if lacking:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{lacking}, but CI must run these tests")
        pytest.skip(lacking)
    assert CHROMIUM is not None
    return CHROMIUM


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser."""
    path = need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def window(
    browser: Browser, url: str, *, size: ViewportSize = DESK, goes_away: bool = False, **options: Any
) -> AsyncIterator[Page]:
    """A window on one console. At its end: nothing was asked of another host, no script failed, and the
    content security policy was never broken.

    goes_away : the test takes the server away: a refresh that was on its way then may say so.
    """
    home = urlsplit(url).netloc
    context = await browser.new_context(base_url=url, viewport=size, **options)
    page = await context.new_page()
    wrong: list[str] = []

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != home:
            wrong.append(f"asked another host: {request.url}")

    context.on("request", asked)
    page.on("pageerror", lambda error: wrong.append(f"script failed: {error}"))

    def said(message: ConsoleMessage) -> None:
        # htmx reports one request that could not be sent by both names.
        unsent = goes_away and any(f"htmx:{name}" in message.text for name in ("sendError", "afterRequest"))
        if ("Content Security Policy" in message.text or "htmx" in message.text) and not unsent:
            wrong.append(message.text)

    page.on("console", said)
    try:
        yield page
    finally:
        await context.close()
    assert not wrong, wrong


async def log_in(page: Page, name: str, password: str, *, language: str = "zh") -> None:
    """Through the form, as a person does."""
    home = page.context.pages[0]
    await page.goto("/login")
    if language == "en":
        await page.get_by_role("button", name="English").click()
    await page.locator("input[name=name]").fill(name)
    await page.locator("input[name=password]").fill(password)
    await page.locator("main form button").click()
    await home.wait_for_selector("html[data-ready]")
