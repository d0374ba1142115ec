"""What an app makes of a path, and what Bastion makes of it: never two different things (threats.md Y1)."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.hostile.assault import Assault
from tests.hostile.cases import MARK
from tests.hostile.ground import Ground
from tests.hostile.judge import faults_of_reply, is_refusal, route_of
from tests.hostile.paths import odd_paths
from tests.hostile.people import NOBODY, ROOT, Person
from tests.hostile.policy import ROUTES, lax
from tests.hostile.wire import Channel, Reply

pytestmark = pytest.mark.timeout(300)  # the first makes the apps
PATHS = list(odd_paths(2200, seed=11))
LANES = 8
SIGNS = ("%2F", "%2f", "//", ";", "%252F", "%2541")
# product -> what its clients really ask for
URLS = {
    "gitlab": [
        "/api/v4/projects/group%2Fproject",
        "/api/v4/projects/group%2Fsub%2Fproject/repository/files/src%2Fmain.py/raw?ref=main",
        "/group/project/-/tree/main",
    ],
    "npm": ["/@scope%2fname", "/@scope%2Fname/-/name-1.0.0.tgz", "/-/package/@scope%2fname/dist-tags/latest"],
    "rabbitmq": ["/api/queues/%2F/", "/api/queues/%2f/my.queue/get", "/api/bindings/%2F/e/amq.direct/q/my.queue/%7E"],
    "tomcat": ["/app/index.jsp;jsessionid=1A2B3C.node1", "/manager/html;jsessionid=1A?x=1", "/app/;jsessionid=1A"],
    "jenkins": ["//", "//job/a/", "/job/a//build", "/job/a/job/feature%252Flogin/12/console"],
    "nextcloud": [
        "/remote.php/dav/files/eve/Caf%C3%A9/100%25%20done.txt",
        "/remote.php/dav/files/eve/literal%2541.txt",
        "/index.php/apps/files/?dir=/a%2Fb",
        "/ocs/v2.php/apps/files_sharing/api/v1/shares?format=json",
    ],
}


async def ask(assault: Assault, sender: Person, paths: Sequence[str]) -> list[tuple[str, Reply]]:
    cookie = assault.ground.cookie(sender, assault.host)

    async def lane(mine: Sequence[str]) -> list[tuple[str, Reply]]:
        found: list[tuple[str, Reply]] = []
        channel: Channel | None = None
        for path in mine:
            channel = channel or await Channel.open(assault.ground.port, assault.host, assault.context)
            head = [f"GET {path} HTTP/1.1", f"Host: {assault.place.authority}", f"{MARK}: {path}/{sender.name}"]
            head += [f"Cookie: {cookie}"] if cookie else []
            channel.send("\r\n".join([*head, "", ""]).encode("latin-1"))
            (reply,) = await channel.replies(["GET"], silent=False)
            found.append((path, reply))
            if reply.last:
                await channel.close()
                channel = None
        if channel:
            await channel.close()
        return found

    lanes = await asyncio.gather(*(lane(paths[start::LANES]) for start in range(LANES)))
    return [pair for found in lanes for pair in found]


async def test_no_handler_answers_for_another_route(ground: Ground, backend: str) -> None:
    """Asked as the one whom every route lets in, so that only the app's own reading decides who answers."""
    assault = Assault(ground, backend, lax(backend))

    replies = await ask(assault, ROOT, PATHS)

    assault.judge_records()
    assault.faults += [
        f"{path}: {fault}" for path, reply in replies for fault in faults_of_reply(reply, ROOT, assault.place)
    ]
    assert assault.faults == [], "\n".join(assault.faults)
    answered = Counter(route_of(reply) for _, reply in replies if reply.header("x-handler"))
    refused = sum(is_refusal(reply) and not route_of(reply) for _, reply in replies)
    assert answered.keys() == ROUTES.keys() - {"post"} | {"rest"}  # all of them are really compared
    assert sum(answered.values()) > 400
    assert refused > 400


@pytest.mark.parametrize("product", URLS)
async def test_the_addresses_of_real_products_pass_where_they_are_opted_in(ground: Ground, product: str) -> None:
    assault = Assault(ground, "aiohttp", f"{product}.localhost")

    replies = [reply for path in URLS[product] for _, reply in await ask(assault, NOBODY, [path])]

    assert [route_of(reply) for reply in replies] == [product] * len(replies)
    assert [reply.body.decode().partition(": ")[2] for reply in replies] == [f"{path}\n" for path in URLS[product]]


@pytest.mark.parametrize("product", URLS)
async def test_without_that_the_odd_ones_are_refused(ground: Ground, product: str) -> None:
    odd = [path for path in URLS[product] if any(sign in path.partition("?")[0] for sign in SIGNS)]
    other = "gitlab" if product == "tomcat" else "tomcat"

    replies = [reply for _, reply in await ask(Assault(ground, "aiohttp", f"{other}.localhost"), NOBODY, odd)]

    assert odd
    assert {reply.status for reply in replies} == {400}
