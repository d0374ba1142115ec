"""Puts together the keys that sign tokens: how a worker comes by them, and how the fleet makes and changes them."""

from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from gateway.app.concern import Concern, every
from gateway.config import Config
from gateway.core.jose.algorithms import SIGNING_ALGORITHMS
from gateway.core.keys import pem_passphrase
from gateway.flows.decide.decisions import Decisions
from gateway.flows.keys.key_acts import ALWAYS, KeyActs
from gateway.flows.keys.key_copies import LOOK_EVERY_S, KeyCopies
from gateway.flows.keys.key_ring import READ_EVERY_S, KeyRing
from gateway.flows.operate.leader import Job
from gateway.flows.transaction import RecordUnavailable
from gateway.metrics import Slot
from gateway.resources import Resources, clock
from gateway.stores.files.key_files import KeyFiles
from gateway.stores.files.revoked_keys import read_revoked
from gateway.web.oauth import jwks
from gateway.worker import Start

_LEAD_EVERY_S: Final = 10.0
_STATES: Final = ("next", "active", "retiring")
_LOG: Final = structlog.stdlib.get_logger("gateway.app")


def ring_of(*, config: Config, resources: Resources) -> KeyRing:
    return KeyRing(resources.pool, resources.acts.vault, clock, revoked_keys_of(config), config.jwt.algorithm)


def key_files_of(config: Config) -> KeyFiles:
    given = config.jwt.keys_passphrase
    passphrase = given.encode() if given else pem_passphrase(config.secrets.master_keys[0])
    return KeyFiles(config.jwt.keys_dir or config.data_dir / "keys", passphrase)


def signing_keys(*, start: Start, resources: Resources, ring: KeyRing, decisions: Decisions) -> Concern:
    config, slot = start.config, start.slot

    def wanted() -> set[str]:
        """What the node's own tokens and the clients of its policy are signed with."""
        named = {client.id_token_alg for client in decisions.policy.clients.values()}
        return {*ALWAYS, config.jwt.algorithm, *named} - {""}

    acts = KeyActs(resources.acts, wanted, config.jwt.rotate_every, revoked=ring.revoked)
    copies = KeyCopies(ring, key_files_of(config), slot.cell("bastion_signing_key_copies_missing").set)

    async def read() -> None:
        await ring.refresh()
        if not start.number:
            _show(ring, slot)

    async def begin() -> None:
        """Without Postgres the worker serves without tokens until it is back."""
        with suppress(RecordUnavailable):
            await acts.make_missing()
            await read()

    return Concern(
        endpoints=(jwks.endpoint(lambda: ring.current),),
        jobs=(Job("signing_keys", acts.rotate_due, every_s=_LEAD_EVERY_S),),
        before=(begin,),
        beside=(
            partial(every, READ_EVERY_S, read),
            *(() if start.number else (copies.look, partial(every, LOOK_EVERY_S, copies.look))),
        ),
    )


def _show(ring: KeyRing, slot: Slot) -> None:
    """The numbers of a node, once."""
    now = ring.clock()
    counts = dict.fromkeys((f"{alg} {state}" for alg in SIGNING_ALGORITHMS for state in _STATES), 0)
    for record in ring.records:
        label = f"{record.alg} {record.times.state(now).value}"
        if record.key is not None and label in counts:
            counts[label] += 1
    for label, count in counts.items():
        slot.cell("bastion_signing_keys", label).set(count)


def revoked_keys_of(config: Config) -> frozenset[str]:
    """As this node remembers them."""
    directory = config.audit.checkpoint_dir or config.data_dir
    try:
        return read_revoked(directory)
    except OSError as error:
        _LOG.error("compromised signing keys can't be read", directory=str(directory), why=error.strerror)
        return frozenset()
