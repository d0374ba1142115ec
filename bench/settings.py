"""How long a limit that is changed while Bastion runs takes to all workers."""

import time
from typing import Final

from bench.figures import Figure
from bench.site import BIG_ROUTES, SMALL_ROUTES, Site, policy
from gateway.config import load_config
from gateway.core.admin.live_limits import LimitValue
from gateway.flows.admin.live_settings import SettingsAdmin, WantedLimit
from gateway.resources import open_resources

_LIMIT: Final = "GENERAL.SESSION"
_FOLLOW_S: Final = 60
_ACCEPTED: Final = b"policy accepted"


async def settings_figures(site: Site, repetitions: int) -> list[Figure]:
    """With the policy of many routes first; at the end the site has the one of few."""
    config = load_config(site.directory / "config.yaml", dev=True, environ={}).config
    figures = list[Figure]()
    async with open_resources(config) as resources:
        admin = SettingsAdmin(resources.acts, config.live_limits())
        for routes in (BIG_ROUTES, SMALL_ROUTES):
            if routes != BIG_ROUTES:
                _reload(site, routes)
            seconds = [await _change_s(admin, 1_000 + at) for at in range(repetitions)]
            figures.append(Figure.of(f"settings.all_workers_s.{routes}_routes", seconds))
    return figures


async def _change_s(admin: SettingsAdmin, count: int) -> float:
    """From the change until each worker says that it holds there."""
    found = await admin.find(_LIMIT)
    assert found is not None
    began = time.perf_counter()
    revision = await admin.change(
        WantedLimit(_LIMIT, LimitValue(count, 60, 2_000), None, "bench", found.revision), "cli:bench"
    )
    following = await admin.follow(revision, _FOLLOW_S)
    if following.behind or not following.workers:
        raise SystemExit(f"settings: {', '.join(following.behind) or 'no worker has reported'}")
    return time.perf_counter() - began


def _reload(site: Site, routes: int) -> None:
    """Until each worker has accepted it."""
    log = site.directory / "bastion.log"
    before, file = log.read_bytes().count(_ACCEPTED), site.directory / "policies" / "demo.yaml"
    file.write_text(policy(routes, site.port))
    deadline = time.monotonic() + _FOLLOW_S
    while log.read_bytes().count(_ACCEPTED) < before + len(site.workers):
        if time.monotonic() > deadline:
            raise SystemExit("settings: the policy of few routes was not accepted")
        time.sleep(0.1)
