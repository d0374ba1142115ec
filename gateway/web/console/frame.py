"""What all pages of the console share: who may see them, the way in, and what a page is made of (ui.md section 5)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.admin.acts import AdminAct
from gateway.core.admin.emergency import BadEmergency, InForce, Measure
from gateway.core.errors import GatewayError
from gateway.core.privacy.names import BadName
from gateway.flows.admin.console import Administrator, Console, MayNot, Outside
from gateway.flows.admin.live_settings import ReadOnly
from gateway.flows.admin.people import NobodyThere
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.owners import LastOwner
from gateway.flows.people.users import BadReason, ChangedMeanwhile, NoWayForMail, UnknownLogin
from gateway.web.account import iso
from gateway.web.browser import Browser, see_other
from gateway.web.forms import OWN_SITES, client_address, own_form
from gateway.web.middleware import REQUEST_ID, SHOWN_AGAIN, ShownAgain, content_security_policy, is_poll
from gateway.web.proving import STEP_UP_PATH
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

AdminPage: TypeAlias = Callable[[web.Request, Administrator], Awaitable[web.StreamResponse]]
AdminForm: TypeAlias = Callable[[web.Request, Mapping[str, str], Administrator], Awaitable[web.StreamResponse]]
ENTER_PATH: Final = f"{CONSOLE_PATH}/enter"
LEAVE_PATH: Final = f"{CONSOLE_PATH}/leave"
_REFUSED: Final = (
    MayNot,
    LastOwner,
    ReadOnly,
    BadReason,
    UnknownLogin,
    ChangedMeanwhile,
    BadName,
    BadEmergency,
    NoWayForMail,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A section of the console. act: what a role has to be allowed to see it."""

    path: str
    name: str
    act: AdminAct


PLACES: Final = (
    Place(CONSOLE_PATH, "Overview", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/people", "People", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/sessions", "Sessions", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/decisions", "Decisions", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/policy", "Policy", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/limits", "Limits", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/emergency", "Emergency", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/audit", "Audit log", AdminAct.LOOK_AUDIT),
    Place(f"{CONSOLE_PATH}/fleet", "Fleet", AdminAct.LOOK),
    Place(f"{CONSOLE_PATH}/clients", "Clients", AdminAct.LOOK_LISTS),
    Place(f"{CONSOLE_PATH}/keys", "Keys", AdminAct.LOOK_LISTS),
    Place(f"{CONSOLE_PATH}/webhooks", "Webhooks", AdminAct.LOOK_LISTS),
    Place(f"{CONSOLE_PATH}/compliance", "Compliance", AdminAct.LOOK_LISTS),
    Place(f"{CONSOLE_PATH}/reviews", "Reviews", AdminAct.LOOK_LISTS),
    Place(f"{CONSOLE_PATH}/consents", "Consents", AdminAct.LOOK_LISTS),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """emergencies: what is in force; a notice stands on every page until it is undone."""

    browser: Browser
    console: Console
    emergencies: Callable[[], Sequence[InForce]]

    def page(self, page: AdminPage, act: AdminAct = AdminAct.LOOK, *, fresh: bool = False) -> Handler:
        """fresh: a page that confirms an act asks for a second factor, so that no filled-in form is lost to it."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
                return self._arrival(request)
            who = await self._inside(request)
            if not isinstance(who, Administrator):
                return who
            if not who.may(act):
                return self.refused(request, who, str(_refusal(who, act)))
            if fresh and not who.fresh:
                return see_other(f"{STEP_UP_PATH}?to={request.path}")
            try:
                return await page(request, who)
            except NobodyThere:
                return self.gone(request, who)
            except MayNot as error:
                return self.refused(request, who, str(error))

        return handle

    def form(self, act: AdminForm) -> Handler:
        """Behind a form of our own page. The flow judges the role, in the transaction of the act."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if not self.console.rules.reaches(client_address(request)):
                raise web.HTTPNotFound
            fields = await own_form(request, self.browser.site)
            who = await self._inside(request)
            if not isinstance(who, Administrator):
                return who
            if not self.console.is_fresh_for_post(who.live):
                return see_other(f"{STEP_UP_PATH}?to={request.path}")
            request[SHOWN_AGAIN] = ShownAgain(lambda status, why: self.refused(request, who, why, status))
            try:
                return await act(request, fields, who)
            except NobodyThere:
                return self.gone(request, who)
            except _REFUSED as error:
                return self.refused(request, who, str(error))

        return handle

    def finds(self, act: AdminForm) -> Handler:
        """A form that only looks: what it asks for is personal, so it stands in no URL."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if not self.console.rules.reaches(client_address(request)):
                raise web.HTTPNotFound
            fields = await own_form(request, self.browser.site)
            who = await self._inside(request)
            if not isinstance(who, Administrator):
                return who
            try:
                return await act(request, fields, who)
            except MayNot as error:
                return self.refused(request, who, str(error))

        return handle

    def render(
        self, request: web.Request, who: Administrator, template: str, status: int = 200, **values: object
    ) -> web.Response:
        """A page with the bar and the sections that the role may see."""
        places = [place for place in PLACES if who.may(place.act)]
        return self.browser.csrf_page(
            request,
            f"console/{template}",
            status,
            who=who,
            places=places,
            signed_in=who.live.person,
            emergencies=[line_of_emergency(one) for one in self.emergencies()],
            done=_DONE.get(request.query.get("done", ""), ""),
            **values,
        )

    def refused(self, request: web.Request, who: Administrator, why: str, status: int = 403) -> web.Response:
        return self.render(request, who, "refused.html", status, why=why, back=_above(request.path))

    def gone(self, request: web.Request, who: Administrator) -> web.Response:
        why = "There is nothing here any more. Somebody may have removed it meanwhile."
        return self.render(request, who, "refused.html", 404, why=why, back=_above(request.path))

    def routes(self) -> list[web.RouteDef]:
        """The way in and out."""
        return [
            web.get(ENTER_PATH, self._show_enter, allow_head=False),
            web.post(ENTER_PATH, self._enter),
            web.post(LEAVE_PATH, self._leave),
        ]

    def live(
        self, request: web.Request, who: Administrator, template: str, region: Mapping[str, object], **values: object
    ) -> web.Response:
        """A page that bastion.js renews. region: the values of the part that is renewed, which is a template of its
        own; a poll gets that alone.
        """
        name = template.removesuffix(".html")
        if is_poll(request):
            return self.browser.html.page(f"console/{name}_live.html", 200, **region)
        response = self.render(request, who, template, 200, refresh=request.path_qs, **region, **values)
        response.headers["Content-Security-Policy"] = content_security_policy(live=True)
        return response

    async def _inside(self, request: web.Request) -> Administrator | web.Response:
        """Whoever has no role, or comes from elsewhere, finds nothing here."""
        if is_poll(request):
            return await self._polls(request)
        live = await self._live(request)
        if isinstance(live, web.Response):
            return live
        found = await self.console.find(live, client_address(request))
        if found is None:
            raise web.HTTPNotFound
        return see_other(ENTER_PATH) if isinstance(found, Outside) else found

    async def _polls(self, request: web.Request) -> Administrator | web.Response:
        live = await self._live(request)
        found = None if isinstance(live, web.Response) else await self.console.poll(live, client_address(request))
        return web.Response(status=403, text="The console is not open any more.\n") if found is None else found

    async def _live(self, request: web.Request) -> LiveLogin | web.Response:
        if not self.console.rules.reaches(client_address(request)):
            raise web.HTTPNotFound
        live = await self.browser.signed_in(request)
        return see_other("/login") if live is None else live

    async def _show_enter(self, request: web.Request) -> web.StreamResponse:
        live = await self._live(request)
        if isinstance(live, web.Response):
            return live
        found = await self.console.find(live, client_address(request))
        if found is None:
            raise web.HTTPNotFound
        if isinstance(found, Administrator):
            return see_other(CONSOLE_PATH)
        if not self.console.is_fresh_for_post(live):
            return see_other(f"{STEP_UP_PATH}?to={ENTER_PATH}")
        return self.browser.csrf_page(request, "console/enter.html", role=found.role.value, signed_in=live.person)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        live = await self._live(request)
        await own_form(request, self.browser.site)
        if isinstance(live, web.Response):
            return live
        entered = await self.console.enter(live, client_address(request), request[REQUEST_ID])
        return see_other(CONSOLE_PATH if entered else ENTER_PATH)

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        live = await self._live(request)
        await own_form(request, self.browser.site)
        if isinstance(live, web.Response):
            return live
        await self.console.leave(live)
        response = see_other("/account")
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def _arrival(self, request: web.Request) -> web.Response:
        """A link of another site, or of an app beside us, opens nothing by itself: the person goes on by hand."""
        if not self.console.rules.reaches(client_address(request)):
            raise web.HTTPNotFound
        return self.browser.html.page("console/arrival.html", path=request.path)


def line_of_emergency(one: InForce) -> Mapping[str, object]:
    return {
        "key": one.key,
        "text": shown(one.text),
        "until": "" if one.until is None else iso(one.until),
        "undo": ""
        if one.measure is Measure.END_SESSIONS
        else "/".join(filter(None, (one.measure.value, "undo", one.name))),
    }


def _refusal(who: Administrator, act: AdminAct) -> GatewayError:
    try:
        who.require(act)
    except MayNot as error:
        return error
    raise AssertionError("it is allowed")


def _above(path: str) -> str:
    """The page that leads here."""
    parts = path.split("/")
    return "/".join(parts[:4]) if len(parts) > 4 else "/".join(parts[:3])  # noqa: PLR2004


_DONE: Final = {
    "ended": "The sessions have ended, on every node.",
    "ended_some": "Sessions have ended, on every node. Some were left: they are gone, or your role may not end them.",
    "disabled": "This person is disabled. All their sessions have ended.",
    "enabled": "This person may sign in again.",
    "unlocked": "All locks of this person are open.",
    "renamed": "This person has another user name, on every node.",
    "invited": "The invitation is on its way.",
    "groups": "The groups are changed, on every node.",
    "role": "The role is changed.",
    "undone": "That is undone, on every node.",
    "same": "It was so already; nothing was changed.",
}
