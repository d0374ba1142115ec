"""Signing keys in a real database: made once, rotated without a gap, ended at once."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey
from gateway.core.principal.ask import Presented
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.token.access import AccessTokens, TokenRefused
from gateway.core.token.signing_keys import KEPT_S, NEXT_S, SOON_S, KeyState, NoSigningKey
from gateway.flows.act import Acts
from gateway.flows.keys.key_acts import ALWAYS, KnownKey, NoSuchKey, OnlyKey
from gateway.flows.keys.key_fleet import KeyFleet
from gateway.flows.keys.key_ring import KeyRing
from gateway.stores.postgres.policy_workers import PolicyWorkers
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Clock, Pool, RandomBytes
from tests.flows.key_rings import EVERY_S, first_boot, key_acts, ring_of

ISSUER = "https://auth.example.org"


@pytest.fixture
def acts(pool: Pool, clock: Clock) -> Acts:
    return acts_of(pool, clock)


@pytest.fixture
async def ring(acts: Acts) -> KeyRing:
    return await first_boot(acts)


async def kinds(acts: Acts) -> list[tuple[str, str]]:
    async with acts.pool.acquire() as connection:
        rows = await connection.fetch("SELECT kind, actor FROM audit_entries ORDER BY id")
    return [(row["kind"], row["actor"]) for row in rows]


async def test_the_first_keys_sign_at_once(ring: KeyRing, acts: Acts) -> None:
    assert set(ring.current.signers) == {"ES256", "EdDSA", "RS256"}
    assert set(ring.published()) == {ring.signer(alg).kid for alg in ALWAYS}
    assert ring.signer() is ring.signer("ES256")
    assert await kinds(acts) == [("signing_key_created", "gateway")] * 3


async def test_of_nodes_that_start_at_once_one_makes_the_keys(acts: Acts) -> None:
    await asyncio.gather(*(key_acts(acts).make_missing() for _ in range(4)))
    rings = [ring_of(acts), ring_of(acts)]
    for one in rings:
        await one.refresh()

    assert len(rings[0].published()) == 3
    assert rings[0].current.document == rings[1].current.document


async def test_a_private_key_is_in_no_row_in_clear(ring: KeyRing, pool: Pool) -> None:
    async with pool.acquire() as connection:
        rows = await connection.fetch("SELECT kid, wrapped FROM signing_keys")

    for row in rows:
        key = next(one for one in ring.current.signers.values() if one.kid == row["kid"])
        assert key.pkcs8()[-32:] not in row["wrapped"]


async def test_an_algorithm_that_is_wanted_later_signs_when_all_workers_can_know_it(
    ring: KeyRing, acts: Acts, clock: Clock
) -> None:
    await key_acts(acts, ALWAYS | {"PS256"}).make_missing()

    await ring.refresh()
    with pytest.raises(NoSigningKey):
        ring.signer("PS256")
    clock.advance(SOON_S)
    await ring.refresh()

    assert ring.signer("PS256").kid in ring.published()


async def test_rotation_leaves_no_moment_without_a_signer_and_no_token_unverified(
    ring: KeyRing, acts: Acts, clock: Clock
) -> None:
    """Two nodes, one of which reads late: what either signs the other verifies, at every moment."""
    late = ring_of(acts)
    await late.refresh()
    first = ring.signer("ES256").kid
    clock.advance(EVERY_S - NEXT_S)

    await key_acts(acts, operator="").rotate_due()
    for second in range(0, NEXT_S + 120, 20):
        await ring.refresh()
        if second % 60 == 0:
            await late.refresh()
        for one, other in ((ring, late), (late, ring)):
            assert one.signer("ES256").kid in other.published()
        clock.advance(20)

    assert ring.signer("ES256").kid != first
    assert first in ring.published()
    clock.advance(KEPT_S)
    await ring.refresh()
    assert first not in ring.published()
    assert set(await kinds(acts)) == {("signing_key_created", "gateway"), ("signing_key_retired", "gateway")}


async def test_a_token_is_good_throughout_a_rotation_and_not_after_a_compromise(
    ring: KeyRing, acts: Acts, clock: Clock
) -> None:
    """One token a minute, each read until it expires, by a node that reads keys late (J26, O20)."""
    tokens, reader = AccessTokens(ISSUER, b"t" * 32), AccessTokens(ISSUER, b"t" * 32)
    late, living = ring_of(acts), list[str]()
    await key_acts(acts).rotate("ES256")
    first = ring.signer("ES256").kid
    for minute in range(2 * NEXT_S // 60):
        await ring.refresh()
        living.append(issued(tokens, ring, clock))
        await late.refresh()
        for text in living[-15:]:
            reader.read(text, late.current.verification, ISSUER)
        clock.advance(60 if minute else 30)
    assert ring.signer("ES256").kid != first

    kept = issued(tokens, ring, clock)
    reader.read(kept, late.current.verification, ISSUER)
    await key_acts(acts).compromise(ring.signer("ES256").kid)
    await late.refresh()
    with pytest.raises(TokenRefused, match="kid"):  # also where it was remembered
        reader.read(kept, late.current.verification, ISSUER)


def issued(tokens: AccessTokens, ring: KeyRing, clock: Clock) -> str:
    return tokens.issue(
        ring.signer(),
        Presented(b64(b"t" * 12), b64(b"r" * 16), b"c" * 16),
        client="spa",
        subject="u_1",
        scopes=(),
        audience=ISSUER,
        now=clock.now,
        ttl_s=900,
    )


async def test_a_rotation_is_due_once(ring: KeyRing, acts: Acts, clock: Clock) -> None:
    clock.advance(EVERY_S - NEXT_S - 1)
    await key_acts(acts).rotate_due()
    assert len(await key_acts(acts).records()) == 3

    clock.advance(1)
    await asyncio.gather(*(key_acts(acts, operator="").rotate_due() for _ in range(3)))

    await ring.refresh()
    assert len(ring.published()) == 6


async def test_private_keys_that_are_gone_are_erased(ring: KeyRing, acts: Acts, clock: Clock, pool: Pool) -> None:
    await key_acts(acts).rotate("ES256")
    old = ring.signer("ES256").kid
    erased = "SELECT kid FROM signing_keys WHERE wrapped IS NULL"

    clock.advance(NEXT_S + KEPT_S - 1)
    await key_acts(acts).rotate_due()
    async with pool.acquire() as connection:
        assert await connection.fetch(erased) == []
    clock.advance(1)
    await key_acts(acts).rotate_due()

    async with pool.acquire() as connection:
        assert [row["kid"] for row in await connection.fetch(erased)] == [old]


async def test_only_the_named_algorithm_is_rotated(ring: KeyRing, acts: Acts) -> None:
    (made,) = await key_acts(acts).rotate("EdDSA")

    await ring.refresh()
    assert made.alg == "EdDSA"
    assert ring.signer("EdDSA").kid != made.kid
    assert made.kid in ring.published()
    assert await key_acts(acts).rotate("PS256") == []
    assert (await kinds(acts))[-2:] == [("signing_key_retired", "cli:ada"), ("signing_key_created", "cli:ada")]


async def test_a_key_retires_only_if_another_signs_in_its_place(ring: KeyRing, acts: Acts, clock: Clock) -> None:
    old = ring.signer("ES256").kid

    with pytest.raises(OnlyKey):
        await key_acts(acts).retire(old)
    with pytest.raises(NoSuchKey):
        await key_acts(acts).retire("other")
    await key_acts(acts).rotate("ES256")
    with pytest.raises(OnlyKey):
        await key_acts(acts).retire(old)
    clock.advance(NEXT_S)
    await key_acts(acts).retire(old)

    await ring.refresh()
    assert ring.signer("ES256").kid != old


async def test_a_compromised_key_is_refused_at_the_next_look_and_another_signs(
    ring: KeyRing, acts: Acts, clock: Clock, pool: Pool
) -> None:
    stolen, before = ring.signer("ES256").kid, ring.current.verification

    await key_acts(acts).compromise(stolen)
    await key_acts(acts).compromise(stolen)  # it may be repeated
    await ring.refresh()

    assert stolen not in ring.published()
    assert ring.current.verification is not before  # what hung on it is dropped
    assert len(ring.published()) == 3
    clock.advance(SOON_S)
    await ring.refresh()
    assert ring.signer("ES256").kid != stolen
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT wrapped FROM signing_keys WHERE kid = $1", stolen) is None
    assert (await kinds(acts))[3:] == [("signing_key_compromised", "cli:ada"), ("signing_key_created", "cli:ada")]


async def test_a_restored_database_brings_no_compromised_key_back(ring: KeyRing, acts: Acts, clock: Clock) -> None:
    """O9: the node remembers it beside the checkpoints."""
    stolen = ring.signer("ES256").kid
    restored = replace(ring, revoked=frozenset({stolen}), _opened={})

    await restored.refresh()
    assert stolen not in restored.published()
    await replace(key_acts(acts), revoked=frozenset({stolen})).make_missing()
    clock.advance(SOON_S)
    await ring.refresh()

    assert ring.signer("ES256").kid != stolen
    assert stolen not in ring.published()
    assert ("signing_key_compromised", "gateway") in await kinds(acts)


async def test_a_compromised_key_that_is_back_is_logged_once_each_time(ring: KeyRing, acts: Acts, pool: Pool) -> None:
    stolen = ring.signer("ES256").kid
    reading = replace(ring_of(acts), revoked=frozenset({stolen}))

    with capture_logs() as logs:
        await reading.refresh()
        await reading.refresh()
        first = [one["kid"] for one in logs]
        await replace(key_acts(acts), revoked=frozenset({stolen})).make_missing()
        await reading.refresh()
        async with pool.acquire() as connection:
            await connection.execute("UPDATE signing_keys SET compromised_at = NULL WHERE kid = $1", stolen)
        await reading.refresh()
        await reading.refresh()

    assert first == [stolen]
    assert [one["kid"] for one in logs if "back in the database" in one["event"]] == [stolen, stolen]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE signing_keys SET kid = 'mine' WHERE alg = 'ES256'",
        "UPDATE signing_keys SET wrapped = (SELECT wrapped FROM signing_keys WHERE alg = 'EdDSA') WHERE alg = 'ES256'",
        "UPDATE signing_keys SET wrapped = 'x' WHERE alg = 'ES256'",
        "UPDATE signing_keys SET alg = 'RS256' WHERE alg = 'ES256'",
        "UPDATE signing_keys SET alg = 'PS256' WHERE alg = 'RS256'",
        "INSERT INTO signing_keys SELECT 'mine', alg, public, 'x', created_at, active_from FROM signing_keys LIMIT 1",
    ],
)
async def test_what_we_did_not_write_is_not_published(ring: KeyRing, acts: Acts, pool: Pool, change: str) -> None:
    """Who writes the database makes no key of theirs ours (D2, D5)."""
    before = set(ring.published())
    async with pool.acquire() as connection:
        await connection.execute(change)

    fresh = ring_of(acts)
    await fresh.refresh()
    await ring.refresh()

    assert set(fresh.published()) <= before
    assert len(fresh.published()) == (3 if change.startswith("INSERT") else 2)
    assert fresh.published() == ring.published()


async def test_a_node_without_the_master_key_publishes_nothing(ring: KeyRing, acts: Acts) -> None:
    other = Vault(MasterKeys([b"n" * 32]), b"i" * 32, RandomBytes())

    stranger = KeyRing(acts.pool, other, acts.clock)
    await stranger.refresh()

    assert stranger.published() == ()
    rotated = KeyRing(acts.pool, Vault(MasterKeys([b"n" * 32, b"m" * 32]), b"i" * 32, RandomBytes()), acts.clock)
    await rotated.refresh()
    assert rotated.published() == ring.published()


async def test_a_key_that_is_brought_takes_the_place_of_the_one_before_it(
    ring: KeyRing, acts: Acts, clock: Clock
) -> None:
    old, own = ring.signer("ES256").kid, SigningKey.generate("ES256")

    await key_acts(acts).adopt(own)
    await ring.refresh()
    assert (own.kid in ring.published(), ring.signer("ES256").kid) == (True, old)
    clock.advance(NEXT_S)
    await ring.refresh()

    assert ring.signer("ES256").kid == own.kid
    assert (await kinds(acts))[3:] == [("signing_key_retired", "cli:ada"), ("signing_key_created", "cli:ada")]


async def test_a_key_does_not_come_back_by_import(ring: KeyRing, acts: Acts) -> None:
    """Neither one that the database has, nor one that it or this node remembers as compromised."""
    stolen, lost = ring.signer("ES256"), SigningKey.generate("ES256")
    await key_acts(acts).compromise(stolen.kid)

    for acting in (key_acts(acts), replace(key_acts(acts), revoked=frozenset({lost.kid}))):
        with pytest.raises(KnownKey):
            await acting.adopt(stolen if not acting.revoked else lost)


# Copies on disk.


# The fleet.


async def test_an_operator_waits_for_the_workers_that_still_accept_a_key(ring: KeyRing, pool: Pool) -> None:
    fleet, kid = KeyFleet(pool), ring.signer("ES256").kid
    async with pool.acquire() as connection:
        workers = PolicyWorkers(connection)
        await workers.report("a", 0, "v", "", 0, ring.published())
        await workers.report("b", 0, "v", "", 0, [])
        half = await fleet.progress(kid)
        await connection.execute("UPDATE policy_workers SET seen_at = now() - interval '60 s' WHERE node = 'a'")
        silent = await fleet.progress(kid)
        await workers.report("a", 0, "v", "", 0, ["other"])
    whole = await fleet.progress(kid)

    assert (half.is_done, half.behind) == (False, ["a, worker 0: still accepts the key"])
    assert "a, worker 0: not heard of for 60 s; if it runs, it may still accept the key" in silent.behind
    assert (whole.is_done, whole.workers) == (True, 2)


@pytest.mark.usefixtures("ring")
async def test_what_is_gone_in_the_records_has_its_state(acts: Acts, clock: Clock) -> None:
    await key_acts(acts).rotate("ES256")
    clock.advance(NEXT_S + KEPT_S)

    states = [one.times.state(clock.now) for one in await key_acts(acts).records() if one.alg == "ES256"]

    assert states == [KeyState.GONE, KeyState.ACTIVE]
