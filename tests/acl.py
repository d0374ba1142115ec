"""Users of the test's Redis and what they may do."""

from redis.asyncio import Redis


async def rules(redis: Redis, *words: str) -> None:
    await redis.execute_command("ACL", *words)  # type: ignore[no-untyped-call]  # redis-py's acl_setuser knows no rules
