"""The console's API over HTTP: who may, by what, with which answers (ui.md sections 3 and 8, U12, X9)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from gateway.core.admin.acts import AdminRole
from gateway.core.audit.people_events import PersonViewed
from gateway.flows.admin.role_admin import RoleAdmin
from gateway.flows.admin.tokens import AdminTokenAdmin, WantedAdminToken
from gateway.flows.people.users import UserAdmin
from gateway.resources import Resources, open_resources, random_bytes
from gateway.stores.postgres.logins import NewLogin
from gateway.stores.postgres.refusals import RefusalRows, RefusalSample
from gateway.stores.postgres.users import NewUser
from tests.conftest import Pool
from tests.exhaustive import EXAMPLES
from tests.proofs import give_factor, proofs_of
from tests.web.api_requests import Requests, made_requests
from tests.web.worker import ADA, HOST, Worker, whole_worker

OFFICE = {"X-Forwarded-For": "192.0.2.7"}
API = "/admin/api/v1"
OLIVIA = UUID(int=2)
MORE = "limits: {ADMIN.ACT: {rate: 10000/s, per: principal}}\nadmin: {protected_names: [root]}\n"


@dataclass(frozen=True)
class Got:
    status: int
    json: Any
    headers: Mapping[str, str]

    @property
    def problem(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["type"]).removeprefix("urn:bastion:problem:")


@dataclass
class ApiHouse:
    """Olivia is an owner, and her tokens have the other roles. Ada is signed in, and is nobody of the console."""

    worker: Worker
    resources: Resources
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> RoleAdmin:
        return RoleAdmin(self.resources.acts, "cli:root")

    @property
    def people(self) -> UserAdmin:
        keys = self.worker.config.keys()
        return UserAdmin(self.resources.acts, self.resources.passwords, keys, random_bytes, "cli:root")

    async def begin(self) -> None:
        async with self.resources.acts.begin() as act:
            await act.users.add(NewUser(OLIVIA, "olivia", "", "", (), "x"), act.now)
        await self.roles.grant("olivia", AdminRole.OWNER, None, "first")
        made = AdminTokenAdmin(self.resources.acts, self.worker.config.keys(), random_bytes, "cli:root")
        for role in ("support", "auditor", "admin"):
            wanted = WantedAdminToken(AdminRole(role), ("192.0.2.0/24",))
            self.tokens[role] = await made.create("olivia", wanted, "test")

    async def ask(
        self,
        method: str,
        path: str,
        role: str = "admin",
        body: object = None,
        sent: Mapping[str, str] | None = None,
    ) -> Got:
        """sent: more headers."""
        headers = {**HOST, **OFFICE, "Authorization": f"Bearer {self.tokens[role]}", **(sent or {})}
        return await self.send(method, API + path, headers, body)

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> Got:
        async with self.worker.client.request(method, path, headers=headers, json=body) as answer:
            found = await answer.json(content_type=None) if method != "HEAD" else None
            return Got(answer.status, found, answer.headers)


@pytest.fixture
async def api(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[ApiHouse]:
    directory = short_directory / uuid4().hex[:8]
    async with (
        whole_worker(pool, database_url, redis_url, directory, more=MORE) as worker,
        open_resources(worker.config) as resources,
    ):
        found = ApiHouse(worker, resources)
        await found.begin()
        yield found


WHY = {"reason": "by a script"}
# Operation, its request, and the roles that ui.md section 3 gives it. The order: what is done last is done to Ada.
READERS, HELPERS, ADMINS = ("auditor", "admin"), ("support", "admin"), ("admin",)
ALL = ("support", "auditor", "admin")
OPERATIONS: dict[str, tuple[str, str, object, tuple[str, ...]]] = {
    "getDocument": ("GET", "/openapi.json", None, ALL),
    "listPeople": ("GET", "/people", None, ALL),
    "findPerson": ("POST", "/people/find", {"who": "ada"}, ALL),
    "getPerson": ("GET", f"/people/{ADA}", None, ALL),
    "listSessions": ("GET", f"/people/{ADA}/sessions", None, ALL),
    "listAllSessions": ("GET", "/sessions?kept=no&risk=0", None, ALL),
    "findSessions": ("POST", "/sessions/find", {"person": "ada", "address": "192.0.2.9"}, ALL),
    "listSettings": ("GET", "/settings", None, ALL),
    "getSetting": ("GET", "/settings/AUTH.LOGIN", None, ALL),
    "getCounts": ("GET", "/counts", None, ALL),
    "listRefusals": ("GET", "/refusals", None, ALL),
    "getRefusal": ("GET", "/refusals/kept-refusal", None, ALL),
    "try": ("POST", "/try", {"url": "https://wiki.localhost/"}, ALL),
    "listEntries": ("GET", "/audit", None, READERS),
    "findEntries": ("POST", "/audit/find", {"person": "ada"}, READERS),
    "getFleet": ("GET", "/fleet", None, ALL),
    "setSetting": ("PUT", "/settings/AUTH.LOGIN", {"rate": "9/min", **WHY}, ADMINS),
    "resetSetting": ("POST", "/settings/AUTH.LOGIN/reset", WHY, ADMINS),
    "endSession": ("POST", f"/people/{ADA}/sessions/bm9uZQ/end", WHY, HELPERS),
    "endSessions": ("POST", f"/people/{ADA}/sessions/end", WHY, HELPERS),
    "unlockPerson": ("POST", f"/people/{ADA}/unlock", WHY, HELPERS),
    "setGroups": ("PUT", f"/people/{ADA}/groups", {"groups": ["staff"], **WHY}, ADMINS),
    "renamePerson": ("PUT", f"/people/{ADA}/username", {"username": "ada", **WHY}, ADMINS),
    "invitePerson": ("POST", "/people", {"username": "cara", "email": "cara@example.org", **WHY}, ADMINS),
    "enablePerson": ("POST", f"/people/{ADA}/enable", WHY, ADMINS),
    "disablePerson": ("POST", f"/people/{ADA}/disable", WHY, ADMINS),
}
NOT_DONE = {
    "endSession": 404,
    "setSetting": 412,
    "resetSetting": 412,
}  # there is no such session or revision


async def keep_refusals(api: ApiHouse, number: int, name: str = "refused-{}") -> None:
    facts = {"method": "GET", "host": "wiki.localhost", "path": "/secret", "kind": "navigate"}
    now = api.resources.acts.clock()
    async with api.resources.pool.acquire() as connection, connection.transaction():
        rows = RefusalRows(connection, api.resources.acts.vault)
        await rows.add(
            [(RefusalSample(name.format(n), now, None, "wiki/main", "x", "deny"), facts) for n in range(number)]
        )


async def test_each_operation_is_for_the_roles_that_may_and_acts_on_nobody_with_a_role(api: ApiHouse) -> None:
    """Nor does any of them, in many orders, change what lets Ada in or proves who she is (X12)."""
    await keep_refusals(api, 1, "kept-refusal")
    async with api.resources.acts.begin() as act:
        await give_factor(act.factors, ADA)
    before, rng = await proofs_of(api.resources.pool, ADA), Random(12)
    document = (await api.ask("GET", "/openapi.json")).json
    named = {one["operationId"] for path in document["paths"].values() for one in path.values()}
    assert named == OPERATIONS.keys()

    for name, (method, path, body, roles) in OPERATIONS.items():
        for role in ALL:
            got = await api.ask(method, path, role, body, {"If-Match": '"77"'})
            expected = NOT_DONE.get(name, 200) if role in roles else 403
            assert got.status == expected, (name, role, got.json)
            if expected == 403:
                assert got.problem == "may-not"
        if str(ADA) in path and method != "GET":
            on_owner = await api.ask(method, path.replace(str(ADA), str(OLIVIA)), "admin", body)
            assert (on_owner.status, on_owner.problem) == (403, "may-not"), name
    acts = [(one[0], one[1], one[2]) for one in OPERATIONS.values() if one[0] != "GET"]
    for role in ("admin", "support") * 2:
        for method, path, body in rng.sample(acts, len(acts)):
            await api.ask(method, path, role, body, {"If-Match": '"77"'})
        assert await proofs_of(api.resources.pool, ADA) == before


async def test_what_may_hold_names_is_for_those_who_may_read_the_source(api: ApiHouse) -> None:
    await keep_refusals(api, 1, "kept-refusal")

    for role, shown in {"support": False, "auditor": True}.items():
        got = await api.ask("GET", "/refusals/kept-refusal", role)
        assert ("/secret" in str(got.json["facts"])) is shown, role
        assert got.json["then"]["outcome"], got.json
    assert (await api.ask("GET", f"/people/{ADA}", "support")).json["entries"] == []


async def test_somebody_is_renamed_and_a_protected_name_is_for_owners(api: ApiHouse) -> None:
    """X7: no token has the role owner."""
    path = f"/people/{ADA}/username"

    refused = await api.ask("PUT", path, body={"username": "ROOT", **WHY})
    renamed = await api.ask("PUT", path, body={"username": "ada2", **WHY})
    invited = await api.ask("POST", "/people", body={"username": "root", "email": "eve@example.org", **WHY})
    used = await api.ask("POST", "/people", body={"username": "ada", "email": "eve@example.org", **WHY})

    assert (refused.status, refused.problem) == (403, "may-not")
    assert (renamed.status, renamed.json) == (200, {"changed": True})
    assert (invited.status, invited.problem) == (403, "may-not")
    assert (used.status, used.problem) == (422, "refused")
    assert (await api.ask("GET", f"/people/{ADA}")).json["username"] == "ada2"


async def test_live_sessions_of_all_are_found_by_what_the_page_filters_by(api: ApiHouse) -> None:
    async def found(**like: object) -> list[str]:
        got = await api.ask("POST", "/sessions/find", "support", like)
        return [one["username"] for one in got.json["sessions"]]

    (one,) = (await api.ask("GET", "/sessions?kept=no&factor=no", "support")).json["sessions"]
    assert (one["username"], one["person"], one["amr"], one["risk"]) == ("ada", str(ADA), ["pwd"], None)
    assert await found(person=" ADA ", host=one["hosts"][0].upper()) == ["ada"]
    wrong: list[dict[str, object]] = [
        {"kept": "yes"}, {"factor": "yes"}, {"risk": 1}, {"person": "nobody"}, {"address": "192.0.2.1"},
        {"host": "other.example"}, {"host": "no host\0"}, {"after": f"0.{'A' * 22}"},
    ]  # fmt: skip
    for like in wrong:
        assert await found(**like) == [], like
    assert (await api.ask("GET", "/sessions?person=ada")).status == 400  # nothing personal in a URL


async def test_an_act_is_true_at_once_and_stands_in_the_log_with_the_token_and_the_reason(api: ApiHouse) -> None:
    cookie = {**HOST, **OFFICE, "Cookie": api.worker.login}
    assert (await api.worker.client.get("/account", headers=cookie, allow_redirects=False)).status == 200

    found = await api.ask("POST", "/people/find", "support", {"who": "ADA "})
    (session,) = (await api.ask("GET", f"/people/{found.json['id']}/sessions", "support")).json["sessions"]
    ended = await api.ask("POST", f"/people/{ADA}/sessions/{session['id']}/end", "support", {"reason": "lost phone"})

    assert ended.json == {"ended": 1}
    assert (await api.worker.client.get("/account", headers=cookie, allow_redirects=False)).status == 303
    entries = (await api.ask("POST", "/audit/find", "auditor", {"person": "ada"})).json["entries"]
    (entry,) = [one for one in entries if one["kind"] == "sessions_ended"]
    assert entry["actor"].startswith("token:")
    assert "lost phone" in entry["personal"].values()
    assert entry["request_id"] == ended.headers["X-Request-Id"]


async def test_a_token_is_worth_what_its_maker_is_at_that_moment(api: ApiHouse) -> None:
    """X9: on the next call."""
    async with api.resources.acts.begin() as act:
        await act.users.add(NewUser(UUID(int=3), "oscar", "", "", (), "x"), act.now)
    await api.roles.grant("oscar", AdminRole.OWNER, None, "another owner")

    async def statuses() -> list[int]:
        return [(await api.ask("GET", "/people", role)).status for role in ALL]

    assert await statuses() == [200, 200, 200]
    await api.roles.grant("olivia", AdminRole.AUDITOR, None, "why")
    assert await statuses() == [401, 200, 401]
    got = await api.ask("POST", f"/people/{ADA}/disable", "admin", WHY)
    assert (got.status, got.problem, got.headers["WWW-Authenticate"]) == (401, "unauthorized", 'Bearer realm="bastion"')
    await api.roles.grant("olivia", AdminRole.OWNER, None, "back")
    assert await statuses() == [200, 200, 200]
    await api.people.disable("olivia")
    assert await statuses() == [401, 401, 401]
    found = await api.people.find("ada")
    assert found is not None
    assert found.state == "active"


async def test_nothing_but_one_token_from_its_network_opens_it(api: ApiHouse) -> None:
    """Not even an address that isn't there, or which methods there are, is told to others."""
    token, headers = api.tokens["admin"], {**HOST, **OFFICE}
    cookie = {"Cookie": f"{api.worker.login}; token={token}"}
    refused = [
        {},
        cookie,
        {"Authorization": f"Basic {token}"},
        {"Authorization": token},
        {"Authorization": f"Bearer {token[:-1]}"},
        {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"},
    ]
    for sent in refused:
        for path in (f"/people?token={token}", "/nowhere"):
            for method in ("GET", "OPTIONS", "PUT"):
                got = await api.send(method, API + path, {**headers, **sent})
                assert (got.status, got.problem) == (401, "unauthorized"), (sent, method)
                assert not {"Set-Cookie", "Allow", "Access-Control-Allow-Origin"} & set(got.headers)
    elsewhere = await api.ask("GET", "/people", sent={"Host": "wiki.localhost:8443"})
    assert (elsewhere.status, elsewhere.problem) == (421, "wrong-host")
    for way in ("/nowhere", "", "/people/", "/people%2Fx", "/people/x"):
        got = await api.ask("GET", way)
        assert (got.status, got.problem) == (404, "not-found"), way
    got = await api.ask("DELETE", "/people")
    assert (got.status, got.problem, got.headers["Allow"]) == (405, "method", "GET, HEAD, POST")
    total = api.worker.metrics.total
    assert total("bastion_admin_requests", "api answered") == 0
    assert total("bastion_admin_requests", "api refused") == len(refused) * 6 + 7
    got = await api.ask("GET", "/people", sent={"Cookie": "a=b", "Origin": "https://evil.example"})
    assert (got.status, got.headers["Cache-Control"]) == (200, "no-store")
    assert not {"Set-Cookie", "Access-Control-Allow-Origin"} & set(got.headers)


async def test_a_setting_is_changed_by_who_saw_its_revision(api: ApiHouse) -> None:
    path, change = "/settings/AUTH.LOGIN", {"rate": "20/min", "burst": 7, "reason": "training"}
    seen = await api.ask("GET", path)
    assert (seen.headers["ETag"], seen.json["is_changed"]) == ('"0"', False)

    got = await api.ask("PUT", path, body=change)
    assert (got.status, got.problem) == (428, "no-precondition")
    done = await api.ask("PUT", path, body=change, sent={"If-Match": seen.headers["ETag"]})
    assert (done.status, done.json["live"]) == (200, {"rate": "20/min", "burst": 7})
    assert done.json["file"] == seen.json["file"]
    assert (done.json["workers"], done.json["in_force"], done.json["behind"]) == (1, 1, [])
    late = await api.ask("PUT", path, body={**change, "rate": "30/min"}, sent={"If-Match": seen.headers["ETag"]})
    assert (late.status, late.problem) == (412, "changed-meanwhile")
    assert "20/min" in late.json["detail"]
    assert "30/min" in late.json["detail"]

    for burst, status in (("7", 400), (True, 400), (7.5, 400), (7.0, 412)):
        form = await api.ask("PUT", path, body={**change, "burst": burst}, sent={"If-Match": '"77"'})
        assert form.status == status, burst
    far = await api.ask("PUT", path, body={**change, "rate": "1000/s"}, sent={"If-Match": done.headers["ETag"]})
    assert (far.status, far.problem) == (403, "may-not")
    past = await api.ask("PUT", path, body={**change, "until": 1}, sent={"If-Match": done.headers["ETag"]})
    assert (past.status, past.problem) == (422, "refused")
    reset = await api.ask("POST", f"{path}/reset", body=WHY, sent={"If-Match": done.headers["ETag"]})
    assert (reset.status, reset.json["live"]) == (200, seen.json["live"])
    assert (await api.ask("PUT", "/settings/ADMIN.ACT", body=change, sent={"If-Match": '"0"'})).status == 404


async def test_lists_are_read_page_by_page_and_each_row_once(api: ApiHouse) -> None:
    many = 60
    await keep_refusals(api, many)
    async with api.resources.acts.begin(operator="cli:root") as act:
        for number in range(many):
            await act.users.add(NewUser(UUID(int=100 + number), f"p{number}", "", "", (), "x"), act.now)
            act.record(PersonViewed(ADA))
            login_id, now = number.to_bytes(16, "big"), act.now
            await act.logins.create(NewLogin(login_id, ADA, now, False, 1800, now + 86_400, "", ""))

    for path, field_name, key, parameter in (
        ("/people", "people", "id", "after"),
        ("/audit", "entries", "id", "before"),
        ("/refusals", "refusals", "reference", "before"),
        ("/sessions", "sessions", "id", "after"),
    ):
        found, query = list[str](), ""
        while True:
            got = (await api.ask("GET", path + query)).json
            assert len(got[field_name]) <= 50
            found += [one[key] for one in got[field_name]]
            if got["next"] is None:
                break
            query = f"?{parameter}={got['next']}"
        assert many <= len(found) == len(set(found)), path


@pytest.fixture
async def requests(api: ApiHouse) -> Requests:
    await keep_refusals(api, 1, "kept-refusal")
    (session,) = (await api.ask("GET", f"/people/{ADA}/sessions")).json["sessions"]
    known = {
        "id": (str(ADA), str(OLIVIA)),
        "session": (session["id"],),
        "name": ("AUTH.LOGIN", "ADMIN.ACT"),
        "reference": ("kept-refusal",),
    }
    return Requests((await api.ask("GET", "/openapi.json")).json, known)


@settings(max_examples=EXAMPLES * 4, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_what_the_document_allows_is_never_refused_by_form_and_nothing_else_is_taken(
    api: ApiHouse, requests: Requests, data: st.DataObject
) -> None:
    method, path, operation = data.draw(st.sampled_from(requests.operations()))
    broken = data.draw(st.booleans())
    sent = data.draw(made_requests(requests, method, path, operation, broken=broken))
    headers = {**HOST, **OFFICE, **sent.headers, "Authorization": f"Bearer {api.tokens['admin']}"}
    if sent.body is not None:
        headers["Content-Type"] = "application/json"

    url = URL(API + sent.path, encoded=True)
    async with api.worker.client.request(sent.method, url, headers=headers, data=sent.body) as answer:
        said = await answer.json(content_type=None)

    assert str(answer.status) in operation["responses"], said
    assert answer.status < 500, said
    assert (answer.status == 400) is broken, said
    assert answer.content_type == ("application/json" if answer.status == 200 else "application/problem+json")
