"""The console in Ada's browser, over HTTP."""

import re
from typing import Final
from urllib.parse import urlencode

from aiohttp import ClientResponse

from gateway.demo.setting import AUTH_HOST
from tests.web.worker import HOST, PORT, Worker

PERSON_NAMED: Final = {"username": "cara", "name": "Cara", "email": "cara@example.org"}
EMERGENCY: Final = {"app": "nowhere", "words": "x", "chosen": "app", "named": "nowhere"}
FORM: Final = {
    **EMERGENCY,
    **PERSON_NAMED,
    "reason": "test",
    "groups": "staff",
    "role": "",
    "rate": "10/min",
    "burst": "5",
    "seen": "-1",
    "hours": "",
    "login.AAAA": "yes",
}


class Console:
    """Ada's browser."""

    def __init__(self, worker: Worker) -> None:
        self._client, self._cookies, self._csrf = worker.client, worker.login, ""

    async def ask(self, method: str, path: str, **fields: str) -> tuple[int, str]:
        headers = {**HOST, "Cookie": self._cookies}
        if method == "GET":
            return await self._read(await self._client.get(path, headers=headers, allow_redirects=False))
        headers |= {"Origin": f"https://{AUTH_HOST}:{PORT}", "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({**FORM, **fields, "csrf": self._csrf})
        return await self._read(await self._client.post(path, data=body, headers=headers, allow_redirects=False))

    async def enter(self) -> None:
        await self.ask("GET", "/admin/enter")
        assert await self.ask("POST", "/admin/enter") == (303, "/admin")

    async def _read(self, answer: ClientResponse) -> tuple[int, str]:
        """Its status, and where it leads or what it says."""
        for line in answer.headers.getall("Set-Cookie", []):
            self._cookies += "; " + line.partition(";")[0]
        text = await answer.text()
        found = re.search(r'name="csrf" value="([^"]*)"', text)
        self._csrf = found[1] if found else self._csrf
        return answer.status, answer.headers.get("Location", text)
