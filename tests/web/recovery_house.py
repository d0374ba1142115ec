"""A browser in front of the pages for a forgotten password and for "This wasn't me", and the mail that people got."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from gateway.core.mail.kinds import MailKind
from gateway.core.mail.letter import Mail
from gateway.core.mail.links import ENDS, LinkKind
from gateway.core.password.rules import DEFAULT_RULES
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.mail.notices import Notices
from gateway.flows.people.disown import KINDS, Disown
from gateway.flows.people.email_change import EmailChange
from gateway.flows.people.end_links import EndLinks
from gateway.flows.people.factor_resets import KeepFactors
from gateway.flows.people.named_links import NamedLinks
from gateway.flows.people.new_passwords import NewPasswords
from gateway.flows.people.recovery import LinkLimits, Recovery
from gateway.flows.people.releasing import Releasing
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.people.unlocking import Unlocking
from gateway.flows.people.users import Newcomer
from gateway.stores.redis.buckets import Buckets
from gateway.web import disown, email, end_links, keep_factors, recovery, release, unlock
from gateway.web.browser import Browser
from gateway.web.forms import MAX_BODY_BYTES, AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.attacks.conftest import PASSWORD, House, open_house
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.deciding import functions_at
from tests.oauth_clients import ISSUER
from tests.running import running
from tests.waiting_mail import text_of, waiting_mail
from tests.web.test_apps import AUTH

NEW = "plum violin cabin zephyr"
LIFETIMES = dict.fromkeys(LinkKind, 604_800) | {LinkKind.RESET: 1800, LinkKind.INVITATION: 259_200}
PLENTY = Limit("AUTH.LINK", 1_000, 60_000_000, 1_000)
FORGOT = Limit("AUTH.FORGOT_PASSWORD", 3, 3_600_000_000, 3, Per.PRINCIPAL)
COUNTED = {"fernet.py": ("encrypt", "decrypt"), "connection.py": ("execute", "_execute"), "passwords.py": ("_run",)}


@dataclass
class Recovering:
    """One browser without a login, and what waits for people."""

    house: House
    notices: Notices
    http: "TestClient[web.Request, web.Application]"
    cookies: dict[str, str] = field(default_factory=dict)
    device: str = ""

    async def get(self, path: str) -> tuple[int, str]:
        answer = await self.http.get(path, headers=self._headers(), allow_redirects=False)
        for line in answer.headers.getall("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, unescape(await answer.text())

    async def post(
        self, page: str, address: str = "203.0.113.7", *, form_of: str = "", **fields: str
    ) -> tuple[int, str, str]:
        """With what the form of the page holds, or of another. Status, where it leads, and the page that follows."""
        found = (await self.get(form_of or page))[1]
        form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found))
        answer = await self.http.post(
            page.partition("?")[0],
            data={**form, **fields},
            headers=self._headers() | {"Origin": ISSUER, "X-Forwarded-For": address},
            allow_redirects=False,
        )
        set_ = answer.headers.getall("Set-Cookie", [])
        assert "__Host-bastion-login" not in str(set_), "nobody is signed in"
        for line in set_:
            name, _, value = line.partition(";")[0].partition("=")
            if name == "__Host-bastion-device":
                self.device = value
            else:
                self.cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), unescape(await answer.text())

    async def ask(self, name: str, address: str = "203.0.113.7") -> tuple[int, str]:
        status, _, page = await self.post("/forgot", address, name=name)
        return status, re.sub(r'name="csrf" value="[^"]*"', "", page)

    async def link(self, kind: MailKind = MailKind.RESET_LINK) -> str:
        """The newest one's path and query."""
        mail = (await waiting_mail(self.house.acts, kind.value))[-1]
        found = re.search(r"https://auth\.example\.com(/\S+)", text_of(mail).replace("=\n", ""))
        assert found is not None
        return found[1]

    async def mails(self, *kinds: MailKind) -> list[Mail]:
        return await waiting_mail(self.house.acts, *(kind.value for kind in kinds))

    async def details(self, kind: str) -> list[str]:
        rows = await self.house.pool.fetch("SELECT detail FROM audit_entries WHERE kind = $1 ORDER BY id", kind)
        return [row["detail"] for row in rows]

    def _headers(self) -> dict[str, str]:
        cookies = self.cookies | ({"__Host-bastion-device": self.device} if self.device else {})
        return {"Host": AUTH, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


@asynccontextmanager
async def recovering_at(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    assert await redis.dbsize() == 0
    async with open_house(pool, redis_url, tmp_path) as house, running(functions_at(redis_url, 1)) as functions:
        there, acts = house.there, house.acts
        notices = Notices(is_on=True, lifetimes_s=LIFETIMES, random=there.random)
        await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)
        await house.admin.add(Newcomer("bob", "", "bob@example.org", ()), PASSWORD)
        limits = LinkLimits(Buckets(functions), BucketNames(KEYS.bucket), FORGOT, PLENTY)
        new = NewPasswords(house.passwords, DEFAULT_RULES)
        html, site = Html(static_files()), AuthHost(ISSUER, KEYS.csrf)
        browser = Browser(
            site, KEYS, html, there.decisions, lambda host: f"https://{host}", lambda: there.now, there.random
        )
        app = web.Application(middlewares=page_middlewares(site, html, there.random), client_max_size=MAX_BODY_BYTES)
        recovers = Recovery(
            acts, new, notices, limits, UnknownNames(acts), KEYS, house.second.proofs, house.second.throttle
        )
        app.add_routes(recovery.routes(browser, recovers))
        app.add_routes(disown.routes(browser, Disown(NamedLinks(acts, limits, KINDS), notices, KEYS, house.login.risk)))
        lockouts = replace(house.login.lockouts, notices=notices)
        unlocking = Unlocking(NamedLinks(acts, limits, (LinkKind.UNLOCK,)), lockouts, KEYS, there.random)
        app.add_routes(unlock.routes(browser, unlocking))
        keeping = KeepFactors(NamedLinks(acts, limits, (LinkKind.KEEP_FACTORS,)))
        app.add_routes(keep_factors.routes(browser, keeping))
        app.add_routes(release.routes(browser, Releasing(NamedLinks(acts, limits, (LinkKind.RELEASE,)))))
        for kind in ENDS:
            ending = EndLinks(NamedLinks(acts, limits, (kind,)), KEYS)
            app.add_routes(end_links.routes(browser, kind, ending))
        app.add_routes(email.routes(browser, EmailChange(acts, notices, limits, KEYS)))
        async with TestClient(TestServer(app)) as http:
            yield Recovering(with_notices(house, notices), notices, http)


def with_notices(house: House, notices: Notices) -> House:
    """People hear of what operators do, and of locks."""
    house.admin = replace(house.admin, notices=notices)
    lockouts = replace(house.login.lockouts, notices=notices)
    house.login = replace(house.login, lockouts=lockouts)
    house.second = replace(house.second, proofs=replace(house.second.proofs, lockouts=lockouts))
    return house


async def id_of(recovering: Recovering, name: str = "ada") -> UUID:
    return (await recovering.house.admin.show(name)).user.id
