"""The fixtures that every other test stands on."""

from redis.asyncio import Redis

from tests.conftest import Clock, Pool, RandomBytes


async def test_each_test_has_a_database_of_its_own(pool: Pool) -> None:
    assert (await pool.fetchval("SELECT current_database()")).startswith("test_")


async def test_redis_starts_empty(redis: Redis) -> None:
    assert await redis.dbsize() == 0


def test_time_passes_by_hand_only(clock: Clock) -> None:
    before = clock()

    clock.advance(3)

    assert clock() - before == 3_000_000


def test_random_bytes_never_come_twice(random_bytes: RandomBytes) -> None:
    assert random_bytes(16) != random_bytes(16)
