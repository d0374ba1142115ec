"""/admin/policy: what is in force, its source, and a form that tries a request against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.analysis.precedence import PathShown
from gateway.core.analysis.tried import BadTry
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.overview import ConsoleOverview
from gateway.flows.admin.people import NobodyThere
from gateway.flows.admin.policy_view import AdminPolicy
from gateway.web.console.frame import Frame
from gateway.web.console.why import SOURCE_PATH, drawn, place_of
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

POLICY_PATH: Final = f"{CONSOLE_PATH}/policy"
TRY_PATH: Final = f"{POLICY_PATH}/try"
_MOST_PATHS: Final = 1_000
_FIELD_CHARS: Final = 2_000
_FIELDS: Final = ("method", "url", "user", "groups", "authenticated", "mfa", "amr", "risk", "address", "at")


def routes(frame: Frame, policy: AdminPolicy, overview: ConsoleOverview) -> list[web.RouteDef]:
    pages = _PolicyPages(frame, policy, overview)
    return [
        web.get(POLICY_PATH, frame.page(pages.show)),
        web.get(f"{SOURCE_PATH}/{{file}}", frame.page(pages.source, AdminAct.LOOK_SOURCE)),
        web.get(TRY_PATH, frame.page(pages.ask)),
        web.post(TRY_PATH, frame.finds(pages.answer)),
    ]


@dataclass(frozen=True, slots=True)
class _PolicyPages:
    frame: Frame
    policy: AdminPolicy
    overview: ConsoleOverview

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        found, room = await self.policy.show(), _MOST_PATHS
        hosts = []
        for one in found.hosts:
            hosts.append({"names": shown(", ".join(one.hosts)), "paths": [_path(each) for each in one.paths[:room]]})
            room = max(0, room - len(one.paths))
        return self.frame.render(
            request,
            who,
            "policy.html",
            version=found.version,
            refused=found.refused.splitlines(),
            hosts=[one for one in hosts if one["paths"]],
            left=sum(len(one.paths) for one in found.hosts) - sum(len(one["paths"]) for one in hosts),
            findings=[{"place": place_of(one.place), "message": one.message} for one in found.findings],
            files=found.files,
            workers=await self.overview.workers(),
            may_source=who.may(AdminAct.LOOK_SOURCE),
        )

    async def source(self, request: web.Request, who: Administrator) -> web.Response:
        file = request.match_info["file"]
        lines = self.policy.source(file)
        if lines is None:
            raise NobodyThere("no such file")
        return self.frame.render(request, who, "policy_source.html", file=file, lines=lines)

    async def ask(self, request: web.Request, who: Administrator) -> web.Response:
        return self._form(request, who, {"method": "GET"})

    async def answer(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        """A post, because a name stands in no URL. It changes nothing."""
        typed = {name: fields.get(name, "")[:_FIELD_CHARS] for name in _FIELDS}
        try:
            found = await self.policy.try_out(typed)
        except BadTry as error:
            return self._form(request, who, typed, error=str(error))
        return self._form(request, who, typed, why=drawn(found, with_paths=True))

    def _form(
        self,
        request: web.Request,
        who: Administrator,
        typed: Mapping[str, str],
        why: Mapping[str, object] | None = None,
        error: str = "",
    ) -> web.Response:
        return self.frame.render(request, who, "policy_try.html", typed=typed, why=why, error=error)


def _path(one: PathShown) -> Mapping[str, object]:
    return {
        "path": shown(one.path),
        "methods": one.methods,
        "route": one.route,
        "place": place_of(one.place),
        "denied": _shown(one.denied),
        "allowed": _shown(one.allowed) or ["nobody"],
        "limits": one.limits,
        "note": shown(one.note),
        "review": one.review,
    }


def _shown(texts: Sequence[str]) -> list[str]:
    return list(map(shown, texts))
