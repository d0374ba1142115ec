"""The words of the language: every key with its meaning, from which reader, JSON Schema and reference page are made."""

from typing import Final

from gateway.core.assurance.model import METHODS
from gateway.core.outcomes import OUTCOMES
from gateway.core.policy.client_grammar import CLIENT_SHAPES, SCOPE_PATTERN, SCOPE_SENTENCES
from gateway.core.policy.header_names import HEADER_PATTERN
from gateway.core.policy.shapes import (
    BOOLEAN,
    DAY,
    DURATION,
    METADATA,
    NOTHING,
    TEXT,
    TEXTS,
    Key,
    Schema,
    Shape,
    either,
    later,
    listed,
    named,
    ref,
    words,
)

PARAMETER_PATTERN: Final = "^[A-Za-z0-9._~-]{1,64}$"
COOKIE_NAME_CHARS: Final = 64
COOKIE_PATH_CHARS: Final = 128
LEFT: Final = words("app", "remove")
ODDITIES: Final = ("encoded_slash", "encoded_percent", "double_slash", "semicolon", "backslash", "not_utf8")
KINDS: Final = ("navigate", "fetch", "websocket", "api", "preflight")
REFERRER_POLICIES: Final = (
    "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin",
    "strict-origin", "strict-origin-when-cross-origin", "unsafe-url",
)  # fmt: skip
OPENER_POLICIES: Final = ("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
RESOURCE_POLICIES: Final = ("same-origin", "same-site", "cross-origin")
EMBEDDER_POLICIES: Final = ("require-corp", "credentialless", "unsafe-none")

CONDITION_KEYS: Final = (
    Key("users", "Any of these users; `{name}` stands for text that a host or path captured.", TEXTS),
    Key("groups", "In any of these groups; `{name}` as with users.", TEXTS),
    Key("networks", "From any of these networks: names, addresses or CIDR.", TEXTS),
    Key("until", "Holds up to the end of this day, in UTC.", DAY),
    Key("all", "Each of these conditions holds.", listed(ref("condition"))),
    Key("any", "One of these conditions holds; they must not mix people and places.", listed(ref("condition"))),
    Key("not", "This condition does not hold. An anonymous client has no user and no groups.", ref("condition")),
    later("email_domains", "Verified addresses in any of these domains."),
    Key("clients", "Tokens of any of these clients; no session.", TEXTS),
    Key("scopes", "Tokens with all of these scopes; no session.", TEXTS),
    Key("app_token", "The app's own credential is there, good or bad: the app checks it.", TEXT),
)
CONDITION: Final = Shape(
    "condition",
    "a condition",
    "People and networks: every key must match. Or the name of a defined condition.",
    CONDITION_KEYS,
)
REQUIRE: Final = Shape(
    "require",
    "require",
    "What people must prove to get in with an identity.",
    (
        Key("mfa", "A second factor.", BOOLEAN),
        Key("authenticated_within", "The login is no older than this; with mfa, each factor.", DURATION),
        Key("amr", "All of these methods (RFC 8176) were proven.", listed(words(*METHODS))),
        Key("dpop", "Only tokens bound to a key: no session, and no token that whoever has it can use.", BOOLEAN),
        Key(
            "risk_below",
            "The risk score of the login is known, and below this; else denied, with an offer to sign in again.",
            {"type": "integer", "minimum": 1, "maximum": 100},
        ),
    ),
)
LEG: Final = Shape(
    "leg",
    "a leg",
    "One way in: every key must match.",
    (*CONDITION_KEYS, Key("require", "For people who get in by this leg, in addition to the route's.", ref("require"))),
)
RESPOND: Final = Shape(
    "respond",
    "respond",
    "How refusals look.",
    (
        Key("anonymous", "For anonymous clients: auto (by kind of request), 401 or 404.", words("auto", 401, 404)),
        Key("denied", "For denied people: 403, 404 or 503.", words(403, 404, 503)),
        Key("retry_after", "When to try again.", DURATION),
        Key("message", "For people, as plain text.", {"type": "string", "maxLength": 300}),
    ),
)
KEY_HEADER: Final = Shape(
    "key_header",
    "a header for keys",
    "The place of a key of which the client writes nothing but the key.",
    (
        Key("header", "Its name.", {"type": "string", "pattern": HEADER_PATTERN}, required=True),
        later("query", "The name of a parameter."),
    ),
)
KEY_PLACE: Final = Shape(
    "key_place",
    "a place for API keys",
    "Where clients write a key that can write it neither as Authorization: Bearer nor as X-Api-Key.",
    (
        Key(
            "api_key",
            "basic: as the password of Authorization: Basic. Or a header.",
            either(words("basic"), ref("key_header")),
            required=True,
        ),
    ),
)
APP_TOKEN: Final = Shape(
    "app_token",
    "a place of an app's credential",
    "Either a header or a parameter. Bastion sees that something stands there, and leaves it for the app.",
    (
        Key("header", "The name of a header.", {"type": "string", "pattern": HEADER_PATTERN}),
        Key("starts", 'How its value begins, in any case, such as "Basic ".', TEXT),
        Key(
            "query",
            "The name of a parameter, to the letter. It stands in logs and histories.",
            {"type": "string", "pattern": PARAMETER_PATTERN},
        ),
    ),
)
LIMIT: Final = Shape(
    "limit",
    "a limit",
    "A rate that refills evenly.",
    (
        Key(
            "rate", "N/s, N/min, N/h or N/d.", {"type": "string", "pattern": "^[0-9]{1,7}/(s|min|h|d)$"}, required=True
        ),
        Key("burst", "How many requests may come at once; default N.", {"type": "integer", "minimum": 1}),
        Key(
            "per",
            "Who has a budget: caller (the person, else the address), principal, ip (for IPv6 the /64), everyone.",
            words("caller", "principal", "ip", "everyone"),
        ),
        Key("on_store_failure", "The answer while Redis can't count; default deny.", words("deny", "allow")),
    ),
)
CORS: Final = Shape(
    "cors",
    "a CORS profile",
    "The other origins that may read answers. Bastion removes the app's own Access-Control headers.",
    (
        Key(
            "origins", 'As browsers write them: scheme, host, port. "*" only without credentials.', TEXTS, required=True
        ),
        Key("methods", "Default GET, HEAD, POST.", TEXTS),
        Key("headers", "Request headers beyond those that browsers always allow.", TEXTS),
        Key("expose", "Response headers that scripts may read.", TEXTS),
        Key("credentials", "Whether browsers send cookies; default false.", BOOLEAN),
        Key("max_age", "How long a browser may remember the answer; default 10m.", DURATION),
    ),
)
CSP: Final = either({"type": "object", "additionalProperties": either(TEXTS, BOOLEAN)}, TEXT)
HSTS: Final = Shape(
    "hsts",
    "hsts",
    "Strict-Transport-Security. Bastion leaves it out if the site is not https.",
    (
        Key("max_age", "How long browsers refuse plain http.", DURATION, required=True),
        Key("subdomains", "Also for all subdomains.", BOOLEAN),
        Key("preload", "Ask browser vendors to preload it. This is hard to undo.", BOOLEAN),
    ),
)
HEADERS: Final = Shape(
    "headers",
    "a header profile",
    "Response headers. `app` keeps the app's header, `remove` removes it. The profile's own keys win over `extends`.",
    (
        Key("extends", "The profile to start from: strict, legacy (default), off or a defined one.", TEXT),
        Key("csp", "Content-Security-Policy by directive; bare words are keywords and schemes.", CSP),
        Key("csp_report_only", "Content-Security-Policy-Report-Only, in the same form.", CSP),
        Key("frame_ancestors", "The origins that may frame pages. It sets X-Frame-Options too.", TEXTS),
        Key("hsts", "Strict-Transport-Security.", either(ref("hsts"), LEFT)),
        Key("content_type_options", "X-Content-Type-Options.", words("nosniff", "app", "remove")),
        Key("referrer_policy", "Referrer-Policy.", words(*REFERRER_POLICIES, "app", "remove")),
        Key(
            "permissions_policy",
            "Permissions-Policy: for each feature none, all, self or origins.",
            either({"type": "object", "additionalProperties": TEXTS}, LEFT),
        ),
        Key("coop", "Cross-Origin-Opener-Policy.", words(*OPENER_POLICIES, "app", "remove")),
        Key("corp", "Cross-Origin-Resource-Policy.", words(*RESOURCE_POLICIES, "app", "remove")),
        Key("coep", "Cross-Origin-Embedder-Policy.", words(*EMBEDDER_POLICIES, "app", "remove")),
        Key(
            "remove",
            "Further headers of the app to remove.",
            either(listed(words("Server", "X-Powered-By")), NOTHING),
        ),
    ),
)
COOKIE_NAME: Final[Schema] = {"type": "string", "maxLength": COOKIE_NAME_CHARS}
APP_COOKIE: Final = Shape(
    "app_cookie",
    "a cookie of the app",
    "A cookie that the app sets itself.",
    (
        Key("name", "Its exact name.", COOKIE_NAME, required=True),
        Key(
            "path",
            "The path of the cookie, if it is neither / nor the app's base.",
            {"type": "string", "maxLength": COOKIE_PATH_CHARS},
        ),
    ),
)
ALLOW: Final = Key("allow", "Who gets in: legs. One is enough.", listed(either(TEXT, ref("leg"))))
SETTINGS: Final = (
    Key(
        "deny",
        "Who never gets in: conditions. One is enough. Levels add up.",
        listed(either(TEXT, ref("condition"))),
    ),
    Key(
        "require",
        "What people must prove. Levels merge by key; none removes the inherited ones.",
        either(ref("require"), NOTHING),
    ),
    Key(
        "credentials",
        "How people may prove it: session (default), bearer, dpop, api_key. A token or a key comes in only by a leg "
        "that names scopes or clients, a session never by one.",
        listed(either(words("session", "bearer", "dpop", "api_key"), ref("key_place"))),
    ),
    Key(
        "forward_credentials",
        "Whether the app gets the token and proof that let a request in too: false (default), true.",
        BOOLEAN,
    ),
    Key(
        "identity",
        "Whether the app gets the identity: sent (default), none, optional.",
        words("sent", "none", "optional"),
    ),
    Key(
        "cross_origin",
        "refuse (default): with a session, unsafe methods and WebSockets only from the host itself and from the "
        "origins of a CORS profile with credentials. Or allow.",
        words("refuse", "allow"),
    ),
    Key("cors", "none (default), app (leaves it to the app), a name, or a profile.", either(TEXT, ref("cors"))),
    Key("headers", "A name, or a profile; default legacy.", either(TEXT, ref("headers"))),
    Key(
        "cache",
        "The caches that may keep answers: private (browsers only), shared (as the app says), none (no cache, not even "
        "the back button). Default: shared if the route lets anyone in, else private.",
        words("private", "shared", "none"),
    ),
    Key(
        "app_cookies",
        "The app's own cookies, or none. Bastion expires them at a logout on the host and before the next person, with "
        "all cookies that the browser sends to /.bastion/. A host adds up those of all its apps.",
        listed(either(COOKIE_NAME, ref("app_cookie"))),
    ),
    Key("limits", "Names, rates, profiles, or none.", listed(either(TEXT, ref("limit")))),
    Key("path_accepts", "Unusual characters that paths may have.", listed(words(*ODDITIES, "none"))),
    Key("respond", "How refusals look.", ref("respond")),
    Key(
        "assertion",
        "Whether the app also gets X-Bastion-Assertion, a signed JWT of the identity: false (default), true.",
        BOOLEAN,
    ),
    later("max_body", "The longest body."),
)
SHADOW: Final = later("shadow", "Evaluated and logged, not enforced.")
ROUTE: Final = Shape(
    "route",
    "a route",
    "Paths of an app with their own settings.",
    (
        Key("paths", "Whole segments: text, {name:RE2}, * or {name}, and ** at the end.", TEXTS, required=True),
        Key("methods", "Default: all registered methods that no route with the path lists. GET includes HEAD.", TEXTS),
        Key("priority", "Decides only between routes that would tie.", {"type": "integer"}),
        ALLOW,
        *SETTINGS,
        *METADATA,
        SHADOW,
    ),
)
APP: Final = Shape(
    "app",
    "an app",
    "Hosts and their rules, which apply to no other host. With `allow` it also has the route `rest` (/**).",
    (
        Key("hosts", "Names; * or {name} for one label, ** for one or more at the start.", TEXTS, required=True),
        Key("base", "Where the app is mounted; default /.", TEXT),
        Key("case", "How to treat a path that differs only by case.", words("guarded", "sensitive", "insensitive")),
        ALLOW,
        *SETTINGS,
        Key("routes", "By name.", named(ref("route"))),
        *METADATA,
        later("use", "Templates."),
        SHADOW,
    ),
)
DEFAULTS: Final = Shape(
    "defaults", "defaults", "Settings for all apps of all files. Only one file may have them.", SETTINGS
)
PERSON_KEYS: Final = (
    Key("user", "The user name; default the name of the definition.", TEXT),
    Key("groups", "The groups.", TEXTS),
    Key("authenticated", "The age of the login; default just now.", DURATION),
    Key("mfa", "The age of the second factor; default none.", either(DURATION, NOTHING)),
    Key(
        "credential",
        "The kind of credential: session (default), bearer, dpop, api_key.",
        words("session", "bearer", "dpop", "api_key"),
    ),
    Key("client", "The client of the token. A service's own token has no user.", TEXT),
    Key("scopes", "The token's scopes.", TEXTS),
    Key("amr", "The methods; default pwd, and otp with mfa.", listed(words(*METHODS))),
    Key("risk", "The risk score of the login; default not known.", {"type": "integer", "minimum": 0, "maximum": 100}),
    later("email", "For tests of parts that are not built yet."),
)
PERSON: Final = Shape("person", "a person", "An actor of tests; it grants nothing.", PERSON_KEYS)
ACTOR: Final = Shape(
    "actor",
    "an actor",
    "The client in a test.",
    (Key("person", "A defined person, changed by the other keys.", TEXT), *PERSON_KEYS),
)
DEFINE: Final = Shape(
    "define",
    "define",
    "Names for all files, each defined once.",
    (
        Key("networks", "Addresses, CIDR, or other names.", named(TEXTS)),
        Key("conditions", "Named legs.", named(ref("leg"))),
        Key("limits", "Budgets. All routes that name one share it.", named(either(ref("limit"), TEXT))),
        Key("headers", "Response header profiles.", named(ref("headers"))),
        Key("cors", "CORS profiles.", named(ref("cors"))),
        Key("people", "Actors of tests.", named(ref("person"))),
        Key(
            "key_scopes",
            "What API keys may have: for each scope the people who may give it. Asked again at every request.",
            named(listed(either(TEXT, ref("leg"))), SCOPE_PATTERN),
        ),
        Key("scopes", "What clients may ask for: a sentence for the person who consents.", SCOPE_SENTENCES),
        Key(
            "app_tokens",
            "Credentials of the apps' own, by the places where they stand. One place is enough.",
            named(listed(ref("app_token"))),
        ),
        later("templates", "Apps without hosts."),
    ),
)
TEST: Final = Shape(
    "test",
    "a test",
    "A request and its expected answer. Tests run before every reload.",
    (
        Key("request", "METHOD URL. Quote it if it stands in braces and has ? , { or }.", TEXT, required=True),
        Key("as", "Each of these people; default an anonymous client.", listed(either(TEXT, ref("actor")))),
        Key("from", "An address, or a network's name; default an address in none of them.", TEXT),
        Key("at", "A day; default today.", DAY),
        Key("headers", "Headers of the request.", {"type": "object", "additionalProperties": TEXT}),
        Key("destination", "The Destination of COPY, MOVE, BIND or REBIND: a path, or a URL of the same origin.", TEXT),
        Key(
            "kind", "navigate (default for GET), fetch (default for others), websocket, api, preflight.", words(*KINDS)
        ),
        Key(
            "times",
            "How often to send it; expect is the last answer.",
            {"type": "integer", "minimum": 1, "maximum": 100000},
        ),
        Key("expect", "An outcome, or a status.", either(words(*OUTCOMES), {"type": "integer"}), required=True),
        Key("route", "The app/route that decides.", TEXT),
        Key("identity", "none, or the user that the app sees.", TEXT),
        Key(
            "expect_headers",
            "Headers of the answer: a value, absent, or present.",
            {"type": "object", "additionalProperties": TEXT},
        ),
        later("expect_shadow", "What the shadow says."),
    ),
)
POLICY: Final = Shape(
    "policy",
    "a policy",
    "All files are one policy, and no order means anything. Nobody gets in by default.",
    (
        Key("define", "Names.", ref("define")),
        Key("defaults", "Settings of all apps.", ref("defaults")),
        Key("apps", "By name.", named(ref("app"))),
        Key("tests", "Requests and their expected answers.", {"type": "array", "items": ref("test")}),
        Key("clients", "Applications that get tokens, by their client_id.", named(ref("client"))),
    ),
)
SHAPES: Final = (
    POLICY, DEFINE, DEFAULTS, APP, ROUTE, LEG, CONDITION, REQUIRE, KEY_PLACE, KEY_HEADER, APP_TOKEN, RESPOND, LIMIT,
    HEADERS, HSTS, CORS, APP_COOKIE, *CLIENT_SHAPES, PERSON, TEST, ACTOR,
)  # fmt: skip
