"""A real Chromium in front of a real Caddy."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.staging import Stage


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For this module only: while it runs, its thread has an event loop that other tests would meet."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if binary is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, stage: Stage) -> Iterator[BrowserContext]:
    """A fresh profile that trusts the demo's certificates."""
    assert stage.demo.process.poll() is None
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(10_000)
    yield context
    context.close()
