"""An app of the demo, as its person's browser meets it."""

from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

from gateway.core.base64url import b64
from tests.staging import Seen, Stage, Visitor

VERIFIER = "v" * 43
CHALLENGE = b64(sha256(VERIFIER.encode()).digest())


def asked(stage: Stage, **changed: str) -> dict[str, str]:
    """What the app asks for; "" takes a parameter away."""
    sent = {
        "response_type": "code",
        "client_id": str(stage.summary["client_id"]),
        "redirect_uri": str(stage.summary["redirect_uri"]),
        "scope": "openid notes.read",
        "state": "s t&te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in sent.items() if value}


def address(stage: Stage, **changed: str) -> str:
    return f"{stage.summary['issuer']}/oauth2/authorize?{urlencode(asked(stage, **changed))}"


def sign_in(stage: Stage, visitor: Visitor, page: Seen) -> Seen:
    return visitor.log_in(page, str(stage.summary["user"]), str(stage.summary["password"]))


def decide(visitor: Visitor, page: Seen, decision: str) -> Seen:
    """The consent page's answer, and what follows it."""
    return visitor.submit(page, "/oauth2/consent", csrf=page.field("csrf"), i=page.field("i"), decision=decision)


def answered(stage: Stage, seen: Seen) -> dict[str, str]:
    """What the app gets; it has to be the app that gets it."""
    assert seen.url.startswith(str(stage.summary["redirect_uri"]) + "?"), seen.url
    return dict(parse_qsl(urlsplit(seen.url).query))
