"""The words of `clients:`, the applications that get tokens."""

from typing import Final

from gateway.core.jose.algorithms import SIGNING_ALGORITHMS
from gateway.core.policy.shapes import (
    DURATION,
    METADATA,
    TEXT,
    TEXTS,
    Key,
    Schema,
    Shape,
    either,
    listed,
    named,
    ref,
    words,
)

SCOPE_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"
SCOPE_SENTENCES: Final = named({"type": "string", "maxLength": 200}, SCOPE_PATTERN)
SHA256_PATTERN: Final = "^[0-9a-f]{64}$"
TYPES: Final = ("web", "spa", "native", "service")
PROFILES: Final = ("oauth21", "oidc", "fapi2")
_JWK: Final[Schema] = {"type": "object", "additionalProperties": either(TEXT, {"type": "array", "items": TEXT})}

SECRET: Final = Shape(
    "client_secret",
    "a client's secret",
    "Where it is, one of these; never the secret itself. A file or a variable holds at least 32 characters, and a "
    "final line break in it doesn't count.",
    (
        Key("sha256", "Its SHA-256 in small hexadecimal digits.", {"type": "string", "pattern": SHA256_PATTERN}),
        Key("file", "The absolute path of a file with it.", TEXT),
        Key("env", "The environment variable with it.", TEXT),
    ),
)
JWKS: Final = Shape(
    "jwks",
    "a set of keys",
    "Public keys of a client, as RFC 7517 writes them.",
    (Key("keys", "Each a JWK without its private part.", {"type": "array", "items": _JWK}, required=True),),
)
TTL: Final = Shape(
    "ttl",
    "ttl",
    "How long tokens live.",
    (
        Key("access", "Access tokens, from 1m to 60m; default `jwt.access_ttl`.", DURATION),
        Key("refresh_idle", "Refresh tokens that are not used; default 30d.", DURATION),
        Key("refresh_absolute", "Refresh tokens at all, at most 365d; default 365d.", DURATION),
    ),
)
CLIENT: Final = Shape(
    "client",
    "a client",
    "An application that gets tokens. Its name here is its client_id. Its own settings only ever ask more than its "
    "profile.",
    (
        Key("name", "For the person who consents.", {"type": "string", "maxLength": 80}, required=True),
        Key(
            "type",
            "web (on a server, with a secret or a key), spa (in a page's script), native (on a person's device), "
            "service (for itself, without a person).",
            words(*TYPES),
            required=True,
        ),
        Key(
            "profile",
            "oauth21 (default), oidc (OpenID Connect as libraries know it: ID tokens signed RS256), fapi2 (pushed "
            "requests, DPoP and private_key_jwt).",
            words(*PROFILES),
        ),
        Key(
            "redirect_uris",
            "Where people are sent back to, to the letter: https; native also http on 127.0.0.1 or [::1] with any "
            "port, or a scheme that is a reversed domain name.",
            TEXTS,
        ),
        Key(
            "post_logout_redirect_uris",
            "Where the app may send people after a logout; the rules of `redirect_uris` hold.",
            TEXTS,
        ),
        Key(
            "backchannel_logout_uri",
            "Where Bastion tells the app that a person's login is over, by a logout token: https, and no internal "
            "address unless `oauth.allow_networks` of the configuration has it.",
            TEXT,
        ),
        Key("secret", "How it authenticates, where not by keys.", ref("client_secret")),
        Key("jwks", "Its keys for private_key_jwt.", ref("jwks")),
        Key(
            "jwks_uri",
            "Where it publishes these keys itself, in place of `jwks`: https, and no internal address unless "
            "`oauth.allow_networks` of the configuration has it.",
            TEXT,
        ),
        Key("scopes", "All that it may ask for.", TEXTS),
        Key(
            "resources",
            "The APIs that its tokens are for: origins of hosts, as https://api.example.org. Default: Bastion's own "
            "userinfo alone.",
            TEXTS,
        ),
        Key(
            "allow",
            "Who may get tokens for it: legs on people; default authenticated. Asked again whenever a token is used, "
            "without networks.",
            listed(either(TEXT, ref("leg"))),
        ),
        Key(
            "require", "What they have to prove before they get tokens; dpop: tokens are bound to keys.", ref("require")
        ),
        Key(
            "consent",
            "ask (default), or implied: nobody is asked, but for offline_access.",
            words("ask", "implied"),
        ),
        Key("pkce", "optional: of profile oidc, with a secret or a key, and then with a nonce.", words("optional")),
        Key("par", "required: it has to push its requests.", words("required")),
        Key(
            "id_token_alg",
            "What signs its ID tokens; default jwt.algorithm, of profile oidc RS256.",
            words(*SIGNING_ALGORITHMS),
        ),
        Key("ttl", "How long its tokens live.", ref("ttl")),
        Key("origins", "Pages whose scripts may call the token endpoint; of an spa those of its redirect_uris.", TEXTS),
        *METADATA,
    ),
)
CLIENT_SHAPES: Final = (CLIENT, SECRET, JWKS, TTL)
