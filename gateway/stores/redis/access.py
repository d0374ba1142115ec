"""Finds out by trying what our user may do in Redis, and reads how Redis is set (threats.md R1, R14)."""

from dataclasses import dataclass
from typing import Final

from gateway.stores.redis.pipeline import Pipeline, RedisRefused

# All that the functions and the pipeline call, and what they call in a cluster; docs/install.md shows it.
NEEDED: Final = (
    "resetkeys ~{*}* resetchannels -@all +auth +select +client|setname +fcall +function|load"
    " +get +set +del +expire +setrange +info +time"
)
NEEDED_IN_CLUSTER: Final = f"{NEEDED} +asking +cluster|slots +cluster|info"
_STRANGE_KEY: Final = "bastion-probe"  # without braces, so none of ours
_OUR_KEY: Final = "{bastion-probe}"
_DENIED: Final = "NOPERM"
_READ_SAVE: Final = ("CONFIG", "GET", "save")


@dataclass(frozen=True, slots=True)
class _Probe:
    """command: changes nothing, and is not of NEEDED."""

    permits: str
    command: tuple[str, ...]


_PROBES: Final = (
    _Probe("reading keys that are not Bastion's", ("GET", _STRANGE_KEY)),
    _Probe("writing keys that are not Bastion's", ("DEL", _STRANGE_KEY)),
    _Probe("listing keys (SCAN)", ("SCAN", "0", "COUNT", "1")),
    _Probe("the server's settings (CONFIG)", _READ_SAVE),
    _Probe("scripts (EVAL)", ("EVAL", "return 1", "0")),
    _Probe("reading and replacing functions (FUNCTION)", ("FUNCTION", "LIST", "LIBRARYNAME", _STRANGE_KEY)),
    _Probe("messages (PUBLISH)", ("PUBLISH", _STRANGE_KEY, "")),
    _Probe("other connections (CLIENT)", ("CLIENT", "LIST", "ID", "0")),
    _Probe("the cluster's slots and servers (CLUSTER)", ("CLUSTER", "COUNTKEYSINSLOT", "0")),
)


# Of NEEDED, all that a connection has not shown already; none of them changes what is there.
_TRIALS: Final = {
    "+fcall": ("FCALL", _STRANGE_KEY, "0"),
    "+function|load": ("FUNCTION", "LOAD", ""),
    "+get": ("GET", _OUR_KEY),
    "+set": ("SET", _OUR_KEY, "", "PX", "1"),
    "+del": ("DEL", _OUR_KEY),
    "+expire": ("EXPIRE", _OUR_KEY, "1"),
    "+setrange": ("SETRANGE", _OUR_KEY, "0", ""),
    "+info": ("INFO", "server"),
    "+time": ("TIME",),
}


async def lacks(pipeline: Pipeline) -> tuple[str, ...]:
    """What our user may not do and needs, as the ACL writes it. Raises StoreUnavailable."""
    return tuple([right for right, command in _TRIALS.items() if await _denied(pipeline, command)])


async def excesses(pipeline: Pipeline) -> tuple[str, ...]:
    """What our user may do and need not. Raises StoreUnavailable."""
    return tuple([probe.permits for probe in _PROBES if not await _denied(pipeline, probe.command)])


async def _denied(pipeline: Pipeline, command: tuple[str, ...]) -> bool:
    """Any other error comes from a command that was let through."""
    try:
        await pipeline.ask(command)
    except RedisRefused as refusal:
        return str(refusal).startswith(_DENIED)
    return False


async def risks(pipeline: Pipeline) -> tuple[str, ...]:
    """Settings against which docs/install.md and docs/operations.md advise. Raises StoreUnavailable."""
    known = _fields(await pipeline.ask(("INFO",)))
    found = []
    if known.get("aof_enabled") != "0":
        found.append("appendonly is on: expected no, because Bastion can rebuild everything from Postgres")
    if known.get("maxmemory_policy") != "noeviction":
        found.append(
            f"maxmemory-policy is {known.get('maxmemory_policy')}: expected noeviction, or limits are forgotten"
        )
    if known.get("connected_slaves", "0") != "0" and "min_slaves_good_slaves" not in known:
        found.append("there are replicas, but min-replicas-to-write is 0: a primary that is cut off would go on")
    return (*found, *await _saving(pipeline, known))


async def _saving(pipeline: Pipeline, known: dict[str, str]) -> tuple[str, ...]:
    """A user as it should be can't read `save`; then an image that was written tells."""
    advice = 'expected save ""'
    try:
        answer = await pipeline.ask(_READ_SAVE)
    except RedisRefused:
        if known.get("rdb_saves", "0") != "0":
            return (f"it has written an image to disk: {advice}",)
        return ()
    setting = answer[1] if isinstance(answer, list) and len(answer) > 1 else b""
    return (f"save is {setting.decode(errors='replace')!r}: {advice}",) if setting else ()


async def unread(pipeline: Pipeline) -> tuple[str, ...]:
    """What our user can't look at, and how the operator does. Raises StoreUnavailable."""
    if not await _denied(pipeline, _READ_SAVE):
        return ()
    how = 'run CONFIG GET save as an administrator, expected ""'
    return (f"save, because Bastion's user may not read it (and should not): {how}",)


def _fields(answer: object) -> dict[str, str]:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else ""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
