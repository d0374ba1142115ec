"""A real Chromium in front of a real Caddy."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright
from redis import Redis as SyncRedis

from gateway.embedded import Binaries, Children, EmbeddedPostgres, EmbeddedValkey
from tests.browser.house import House, build
from tests.conftest import run_apart
from tests.databases import create, forgive, urls_of
from tests.staging import Stage
from tests.tools import lacks

expect.set_options(timeout=20_000)  # a slow machine is no failure


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """For these modules only: while it runs, its thread has an event loop that other tests would meet."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright, running_house: House) -> Iterator[Browser]:
    """Finds the house's hosts here and trusts its authority, so that it caches and clears as with any site.

    Where errors of certificates are merely ignored, Chromium keeps nothing and starts no service worker.
    """
    with _launched(playwright, *house_rules(running_house)) as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser, stage: Stage) -> Iterator[BrowserContext]:
    """A fresh profile that trusts the demo's certificates."""
    assert stage.demo.process.poll() is None
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture(scope="session")
def running_house(
    postgres_server: EmbeddedPostgres,
    redis_server: EmbeddedValkey,
    short_directory: Path,
    children: Children,
    binaries: Binaries,
) -> Iterator[House]:
    run_apart(create(postgres_server, "house"))
    database_url, owner_url = urls_of(postgres_server, "house").values()
    urls = (database_url, redis_server.url, owner_url)
    house = build(short_directory / "house", urls, children, binaries)
    yield house
    house.close(children)


@pytest.fixture
def house(running_house: House, redis_server: EmbeddedValkey, postgres_server: EmbeddedPostgres) -> House:
    """As it was at the start, as far as limits and the app are concerned."""
    with SyncRedis.from_url(redis_server.url) as client:
        client.flushall()
    run_apart(forgive(postgres_server, "house"))
    running_house.app.forget()
    return running_house


@pytest.fixture
def profile(chromium: Browser, house: House) -> Iterator[BrowserContext]:
    """A fresh one."""
    assert house.gateway.poll() is None
    context = chromium.new_context()
    context.set_default_timeout(30_000)
    yield context
    context.close()


def house_rules(house: House) -> list[str]:
    return [
        "--host-resolver-rules=MAP *.test 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={house.trusted}",
    ]


def binary() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        lacks("a browser journey", "chromium")
    return found


@contextmanager
def _launched(playwright: Playwright, *arguments: str) -> Iterator[Browser]:
    """With the back/forward cache of people's browsers, which Playwright switches off."""
    browser = playwright.chromium.launch(
        executable_path=binary(),
        args=["--no-sandbox", *arguments],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser
    browser.close()
