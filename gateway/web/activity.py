"""/account/activity: what happened to the person who is signed in, in their own words."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.core.browsers import browser_name
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.own_activity import Happened, OwnActivity
from gateway.web.account import ago, iso
from gateway.web.browser import Browser
from gateway.web.cursors import whole_number
from gateway.web.text import shown

_PATH: Final = "/account/activity"


def routes(browser: Browser, activity: OwnActivity) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in."""

    @browser.for_somebody
    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        before = whole_number(request.query.get("before", "")) or 0
        found, now = await activity.show(live, before), browser.clock()
        return browser.csrf_page(
            request,
            "activity.html",
            happened=[_line(one, now) for one in found.happened],
            before=found.before,
            is_first=not before,
            signed_in=live.person,
        )

    return [web.get(_PATH, show)]


def _line(one: Happened, now: int) -> Mapping[str, object]:
    places = (shown(browser_name(one.user_agent)) if one.user_agent else "", shown(one.address), one.country)
    return {
        "sentence": shown(one.told.sentence),
        "at": ago(now - one.at),
        "at_iso": iso(one.at),
        "where": ", ".join(place for place in places if place),
        "score": one.told.score,
        "reasons": ", ".join(one.told.reasons),
        "may_be_others": one.told.may_be_others,
    }
