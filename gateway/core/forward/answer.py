"""What goes back to the proxy, as the bytes that both listeners write."""

import json
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from gateway.core.header_lines import header_line
from gateway.core.outcomes import Outcome, ProofOutcome
from gateway.core.policy.facts import Actor
from gateway.core.principal.ask import Presented

_OURS: Final = b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
_HTML: Final = b"Content-Type: text/html; charset=utf-8\r\n"
_JSON: Final = b"Content-Type: application/json\r\n"
CORS_OF_OURS: Final = {
    "X-Bastion-Acao": "Access-Control-Allow-Origin",
    "X-Bastion-Acac": "Access-Control-Allow-Credentials",
    "X-Bastion-Acexpose": "Access-Control-Expose-Headers",
}
NONCE_OF_OURS: Final = {"X-Bastion-Nonce": "DPoP-Nonce"}


class Answer:
    """head: whole header lines, each ended by CR LF; the shell adds Content-Length. outcome: for the figures. route,
    reason, subject: for the log, never for the client. proof: what came of a DPoP proof, None where none counted.

    actor: as whom policy judged a denied request. presented: what a limited one brought, before anybody asked whose it
    is.
    """

    def __init__(
        self,
        status: int,
        head: bytes,
        body: bytes,
        outcome: Outcome,
        route: str = "",
        reason: str = "",
        subject: UUID | None = None,
        proof: ProofOutcome | None = None,
        actor: Actor | None = None,
        presented: Presented | None = None,
    ) -> None:
        self.status = status
        self.head = head
        self.body = body
        self.outcome = outcome
        self.route = route
        self.reason = reason
        self.subject = subject
        self.proof = proof
        self.actor = actor
        self.presented = presented

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The head for a shell that wants pairs."""
        lines = self.head.decode("ascii").split("\r\n")[:-1]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def own_head(request_id: str, more: Iterable[tuple[str, str]] = ()) -> bytes:
    """What every answer of ours carries that is not an allow (threats.md H6)."""
    lines = [_OURS, header_line("X-Request-Id", request_id)]
    lines += [header_line(name, value) for name, value in more]
    return b"".join(lines)


def html_head(auth_origin: str, frame_ancestors: str) -> bytes:
    """A page on a protected host may load our style and nothing else."""
    policy = f"default-src 'none'; style-src {auth_origin}; img-src {auth_origin}; base-uri 'none'"
    framed_by = f"frame-ancestors {frame_ancestors}"
    return _HTML + header_line("Content-Security-Policy", f"{policy}; {framed_by}; form-action 'self' {auth_origin}")


def json_body(values: Mapping[str, object]) -> bytes:
    return json.dumps(dict(values), separators=(",", ":")).encode() + b"\n"


def json_head() -> bytes:
    return _JSON


def cors_of_ours(block: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """So that a partner's script can read our refusal as it could read the app's answer."""
    pairs = [(CORS_OF_OURS[name], value) for name, value in block if name in CORS_OF_OURS and value]
    return [*pairs, ("Vary", "Origin")] if pairs else []
