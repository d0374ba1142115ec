"""Judges DPoP proofs at our own endpoints (RFC 9449): each with a nonce of ours, and each once in the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.base64url import b64
from gateway.core.oauth.errors import OAuthError
from gateway.core.principal.ask import ProofClaim, Standing
from gateway.core.token.nonce import Nonces
from gateway.core.token.proof import ProofRefused, read_proof
from gateway.stores.redis.proofs import Proofs

_SLOT_CHARS: Final = 16  # 12 bytes of the thumbprint
_NO_STAMP: Final = 0


@dataclass(frozen=True, slots=True)
class ShownProof:
    """jkt: of the key that was proved. nonce: for the next proof, "" where the one that was used is still today's."""

    jkt: str
    nonce: str


NOTHING_SHOWN: Final = ShownProof("", "")


@dataclass(frozen=True, slots=True)
class ProofCheck:
    """issuer: the origin of our endpoints. nonces None: proofs need none."""

    proofs: Proofs
    nonces: Nonces | None
    issuer: str

    async def check(
        self, lines: Sequence[str], method: str, path: str, request_id: str, ath: bytes | None = None
    ) -> ShownProof:
        """lines: of the header, "" jkt where there are none. ath: SHA-256 of the access token that came along.

        Raises OAuthError invalid_dpop_proof or use_dpop_nonce, or StoreUnavailable.
        """
        if not lines:
            return NOTHING_SHOWN
        try:
            proof = read_proof(lines, method=method, url=self.issuer + path, ath=ath)
        except ProofRefused as error:
            raise OAuthError("invalid_dpop_proof", str(error)) from error
        # A nonce is as old as the proof says, whose own age Redis judges: no clock of a worker counts (threats.md R8).
        nonces = self.nonces
        stamp = None if nonces is None else nonces.read(proof.nonce, proof.iat)
        named = None if nonces is None else _NO_STAMP if stamp is None else stamp.inc
        claim = ProofClaim(b64(proof.jti), proof.iat, named)
        witnessed = await self.proofs.use(f"p{proof.jkt[:_SLOT_CHARS]}", claim, request_id)
        nonce = "" if nonces is None else nonces.make(witnessed.incarnation, witnessed.now)
        if (nonces is not None and stamp is None) or witnessed.refused is Standing.STALE_NONCE:
            raise OAuthError("use_dpop_nonce", "the proof needs the nonce of this answer", nonce=nonce)
        if witnessed.refused is not None:
            raise OAuthError("invalid_dpop_proof", _WHY[witnessed.refused], nonce=nonce)
        return ShownProof(proof.jkt, "" if stamp is None or stamp.current else nonce)


_WHY: Final = {Standing.UNTIMELY: "iat is not of this minute", Standing.REPLAYED: "the proof was used before"}
