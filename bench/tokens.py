"""What a decision about a token costs beside one about a session, and what the records behind it cost Redis."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count as counted
from typing import Final
from urllib.parse import urlencode

from bench.decision import Subject
from bench.figures import Figure
from bench.load import ask, cpu_us, volley
from bench.people import sessions_of_one
from bench.questions import question, questions
from bench.site import CLIENT, CLIENT_SECRET, MACHINE, SCOPE, SMALL_ROUTES, Site, paths
from gateway.core.base64url import b64, unb64
from gateway.core.jose.compact import parse_compact
from gateway.core.jose.keys import SigningKey

_PEOPLE: Final = 50
_CONNECTIONS: Final = 32
_MOST_PROOFS: Final = 2_000  # of one repetition: each is made anew, and lives for a minute
_VERIFICATIONS: Final = 400
_CREDENTIALS: Final = (3, 200)
_ALLOWED: Final = b"HTTP/1.1 200"
_NO_TOKEN: Final = b"HTTP/1.1 401"
_numbers: Final = counted()
_NONCE: Final = re.compile(rb"\r\nDPoP-Nonce: ([A-Za-z0-9_-]+)", re.IGNORECASE)


@dataclass(slots=True)
class _Prover:
    """A client with a bound token. costs: us of CPU for a decision; bare: for one verification, in this process."""

    site: Site
    key: SigningKey
    token: str
    costs: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    made: int = 0

    @classmethod
    def of(cls, site: Site, alg: str) -> "_Prover":
        key = SigningKey.generate(alg)
        return cls(site, key, _token(site, lambda nonce: _proof(key, "POST", f"{site.issuer}/oauth2/token", nonce)))

    def measure(self, count: int) -> None:
        requests = self._questions(min(count, _MOST_PROOFS))
        before = cpu_us(self.site.workers)
        load = volley(self.site.decision, requests, count=len(requests), connections=_CONNECTIONS, expected=_ALLOWED)
        if load.wrong:
            raise SystemExit(f"{self.key.alg}: {load.wrong} of {load.answers} proofs were not accepted")
        self.costs.append((cpu_us(self.site.workers) - before) / load.answers)
        self.bare.append(self._bare_us())

    def _questions(self, count: int) -> list[bytes]:
        """Volleys are whole: as many as there are connections, or a proof would be sent twice."""
        nonce = self._nonce()
        return [self._question(nonce) for _ in range(count // _CONNECTIONS * _CONNECTIONS)]

    def _question(self, nonce: str) -> bytes:
        self.made += 1
        path = f"/area{self.made % 50}/item{self.made % 50}/{self.made}"
        ath = b64(sha256(self.token.encode()).digest())
        proof = _proof(self.key, "GET", f"https://{MACHINE}:{self.site.port}{path}", nonce, ath)
        return question(MACHINE, path, more=(f"Authorization: DPoP {self.token}", f"DPoP: {proof}"))

    def _nonce(self) -> str:
        told = _NONCE.search(ask(self.site.decision, self._question("")))
        assert told is not None, "a proof without a nonce is told one"
        return told[1].decode()

    def _bare_us(self) -> float:
        """What the mathematics alone takes."""
        signed = parse_compact(self.key.sign("dpop+jwt", {"jti": "x" * 200}))
        before = time.process_time()
        for _ in range(_VERIFICATIONS):
            assert self.key.verification.verify(self.key.alg, signed.signing_input, signed.signature)
        return (time.process_time() - before) * 1e6 / _VERIFICATIONS


async def token_figures(site: Site, repetitions: int, count: int) -> list[Figure]:
    cookies = await site.signed_in(_PEOPLE, (MACHINE,))
    token, usual = _token(site), paths(SMALL_ROUTES, 4)
    bearer = (f"Authorization: Bearer {token}",)
    by = {
        "session": Subject("session", site.decision, site.workers, questions(MACHINE, usual, cookies[MACHINE])),
        "bearer": Subject(
            "bearer", site.decision, site.workers, [question(MACHINE, path, more=bearer) for path in usual]
        ),
        "forged": Subject("forged", site.decision, site.workers, _asked_with(_made_up(token, usual)), _NO_TOKEN),
        "copied": Subject("copied", site.decision, site.workers, _asked_with(_copied(token, usual)), _NO_TOKEN),
    }
    for number in _CREDENTIALS:
        cookie = await sessions_of_one(site.database_url, site.directory, MACHINE, number)
        name = f"login_{number}"
        by[name] = Subject(
            name, site.decision, site.workers, questions(MACHINE, usual, [cookie]), redis=site.pids["valkey"]
        )
    provers = [_Prover.of(site, alg) for alg in ("ES256", "EdDSA")]
    for subject in by.values():
        subject.warm_up()
    for _ in range(repetitions):
        for subject in by.values():
            subject.measure(count)
        for prover in provers:
            prover.measure(count)
    return _figures(by, provers)


def _figures(by: dict[str, Subject], provers: Sequence[_Prover]) -> list[Figure]:
    session, few, many = by["session"].costs, *(by[f"login_{number}"].redis_costs for number in _CREDENTIALS)
    names = ("decision.dpop_es256_vs_bare", "decision.dpop_ed25519_vs_bare")
    return [
        Figure.ratio("decision.bearer_vs_session", by["bearer"].costs, session),
        *(
            Figure.ratio(name, one.costs, [bare + own for bare, own in zip(one.bare, session, strict=True)])
            for name, one in zip(names, provers, strict=True)
        ),
        Figure.of("decision.forged_token_us", by["forged"].costs),
        Figure.of("decision.copied_token_us", by["copied"].costs),
        Figure.ratio("decision.login_200_credentials_vs_3", many, few),
    ]


def _made_up(token: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Tokens in the form of ours, by a path each: nobody but us can make a `jti`."""
    head, payload, signature = token.split(".")
    claims = json.loads(unb64(payload))
    for number, path in enumerate(paths):
        claims["jti"] = f"{number:098d}"
        yield path, f"{head}.{b64(json.dumps(claims).encode())}.{signature}"


def _copied(token: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The parts of a live token with signatures of nobody, none like another: the dearest to refuse."""
    signed, _, signature = token.rpartition(".")
    for number, path in enumerate(paths):
        yield path, f"{signed}.{signature[:20]}{number:012d}{signature[32:]}"


def _asked_with(tokens: Iterator[tuple[str, str]]) -> list[bytes]:
    return [question(MACHINE, path, more=(f"Authorization: Bearer {token}",)) for path, token in tokens]


def _token(site: Site, prove: Callable[[str], str] | None = None) -> str:
    """By client credentials. prove: a proof with such a nonce."""
    answer = _ask_for_token(site, None if prove is None else prove(""))
    if prove is not None:
        told = _NONCE.search(answer)
        assert told is not None, answer
        answer = _ask_for_token(site, prove(told[1].decode()))
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    return str(body["access_token"])


def _ask_for_token(site: Site, proof: str | None) -> bytes:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": CLIENT_SECRET, "scope": SCOPE}
    body = urlencode(form)
    host = site.issuer.removeprefix("https://")
    lines = [
        "POST /oauth2/token HTTP/1.1",
        f"Host: {host}",
        f"X-Forwarded-Host: {host}",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 127.0.0.1",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        *([] if proof is None else [f"DPoP: {proof}"]),
        "Connection: close",
    ]
    return ask(site.web, ("\r\n".join(lines) + f"\r\n\r\n{body}").encode(), whole=True)


def _proof(key: SigningKey, method: str, url: str, nonce: str, ath: str = "") -> str:
    claims: dict[str, object] = {"jti": f"bench-{next(_numbers)}", "htm": method, "htu": url, "iat": int(time.time())}
    claims |= ({"nonce": nonce} if nonce else {}) | ({"ath": ath} if ath else {})
    return key.sign("dpop+jwt", claims, jwk=dict(key.verification.jwk))
