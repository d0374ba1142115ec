"""Acts of a test that has a Postgres and no Redis."""

from gateway.core.privacy.sealing import MasterKeys
from gateway.flows.act import Acts
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from tests.conftest import Clock, Pool, RandomBytes


def acts_of(pool: Pool, clock: Clock | None = None, vault: Vault | None = None) -> Acts:
    nobody = Revocations(FunctionCalls(Pipeline("unix:///nobody.sock", 1), library()))
    vault = vault or Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes())
    return Acts(pool, vault, nobody, (clock or Clock()).seconds)
