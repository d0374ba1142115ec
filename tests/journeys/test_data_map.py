"""What a running installation leaves in Redis and on the disk is on the map of data."""

import re
from collections.abc import Sequence

from redis import Redis as SyncRedis

from gateway.core.privacy.inventory import FILES, REDIS, Kept
from tests.staging import Stage


def strange(names: Sequence[str], known: Sequence[Kept]) -> list[str]:
    return [name for name in names if not any(re.fullmatch(one.pattern, name) for one in known)]


def test_every_redis_key_and_every_file_is_on_the_map(stage: Stage) -> None:
    stage.signed_in()
    with SyncRedis.from_url(stage.valkey.url) as client:
        keys = [key.decode() for key in client.keys("*")]
    roots = [stage.demo.directory / name for name in ("data", "checkpoints")]
    files = [str(file.relative_to(root.parent)) for root in roots for file in root.rglob("*") if file.is_file()]

    assert len(keys) > 2
    assert len(files) > 2
    assert strange([key for key in keys if not key.startswith("{bastion-probe")], REDIS) == []
    assert strange([file for file in files if not file.endswith(".new")], FILES) == []
