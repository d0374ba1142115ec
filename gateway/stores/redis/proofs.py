"""Uses up DPoP proofs where no record is asked: at the endpoints of the authorization server."""

import struct
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import ProofClaim, Standing
from gateway.stores.redis.decisions import Functions
from gateway.stores.redis.wire import proof_key

_WITNESSED: Final = struct.Struct("<cdd")
_PASSES: Final = b"-"
_REFUSED: Final = {one.value.encode(): one for one in (Standing.STALE_NONCE, Standing.UNTIMELY, Standing.REPLAYED)}


@dataclass(frozen=True, slots=True)
class Witnessed:
    """refused None: the proof passes, this once. incarnation: what a nonce has to name. now: Unix seconds, of Redis."""

    refused: Standing | None
    now: int
    incarnation: int


class Proofs:
    """Of any client; a proof that was used up at a protected host is another matter, because its htu differs."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def use(self, slot: str, proof: ProofClaim, request_id: str) -> Witnessed:
        """One round trip. slot: of the key that made the proof, such as `p` and 12 bytes of its thumbprint.

        Raises StoreUnavailable.
        """
        stamp = "" if proof.stamp is None else proof.stamp
        raw = await self._functions.ask("witness", [proof_key(slot, proof.jti)], proof.iat, stamp, request_id)
        if not isinstance(raw, bytes) or len(raw) != _WITNESSED.size or raw[:1] not in {_PASSES, *_REFUSED}:
            self._functions.distrust()
            raise StoreUnavailable("the witness function answered in an unknown form")
        letter, now_us, incarnation = _WITNESSED.unpack(raw)
        return Witnessed(_REFUSED.get(letter), int(now_us) // 1_000_000, int(incarnation))
