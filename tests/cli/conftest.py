"""`bastion` as an operator runs it: a process with a configuration file, on real servers."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.zygote import bastion_of

_CONFIG = """\
public_url: https://auth.example.com
profile: production
breach: {{source: "off"}}
data_dir: data
database: {{url: "{database_url}"}}
redis: {{url: "{redis_url}", timeout_ms: 5000}}
audit: {{checkpoint_dir: checkpoints}}
secrets: {{master_keys: [{master}], root_key: {root}, index_key: {index}, peppers: {{p1: {pepper}}}}}
"""
_LISTENERS = ("WEB", "DECISION", "OPS")
SECRETS = {
    name: urlsafe_b64encode(bytes(range(start, start + 32))).decode()
    for start, name in enumerate(("master", "root", "index", "pepper", "other"))
}


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    out: str
    err: str


@dataclass(slots=True)
class Bastion:
    directory: Path
    database_url: str
    redis_url: str

    def configure(self, **changed: str) -> None:
        values = SECRETS | {"database_url": self.database_url, "redis_url": self.redis_url} | changed
        (self.directory / "config.yaml").write_text(_CONFIG.format(**values))

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        argv = [sys.executable, "-m", "gateway", *arguments]
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.directory,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, **environment},
            preexec_fn=_heed_interrupts,
        )

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        done = await bastion_of(arguments, stdin, self.directory, {**os.environ, **environment})
        assert "Traceback" not in done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)


async def end_of_serve(bastion: Bastion, *options: str) -> tuple[dict[str, str], int]:
    """What a server that can't start logs of its worker, and its exit status."""
    listeners = {f"BASTION_SERVER_{one}_LISTEN": f"unix:{bastion.directory}/{one}.sock" for one in _LISTENERS}
    ran = await bastion("serve", *options, **listeners, BASTION_SERVER_WORKERS="1")
    (end,) = [json.loads(line) for line in ran.err.splitlines() if '"worker ends"' in line]
    return end, ran.status


def _heed_interrupts() -> None:
    """As in the foreground of a shell, also where these tests run in the background of one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
async def bastion(tmp_path: Path, database_url: str, redis_url: str, redis: Redis) -> Bastion:
    """With a database that has all migrations, and an empty Redis."""
    assert await redis.dbsize() == 0
    bastion = Bastion(tmp_path, database_url, redis_url.replace("unix://", "unix://default@"))
    bastion.configure()
    return bastion
