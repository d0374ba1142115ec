"""Owns which headers of a client's must not reach an app: those in which proxies tell apps what they have found out.

An app behind a proxy believes them, whoever the proxy is: identity, certificate, address, prefix, method, path. So all
are taken away that a gateway, proxy or cloud is known to write, and all whose names CGI-like servers would read as one
of them (threats.md P7).
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.core.remembered import Remembered

# RFC 9110 section 5.6.2, without letters, digits and the hyphen: CGI (RFC 3875 section 4.1.18) and its like read each
# of them as they read a hyphen.
ODD_CHARACTERS: Final = "!#$%&'*+.^_`|~"

# A trailing * stands for any rest. Who writes them stands beside those that only one does.
_IDENTITY: Final = (
    "Remote*",  # Authelia, and what CGI calls REMOTE_USER
    "X-Remote*",  # Kubernetes, Jenkins
    "X-Forwarded*",  # oauth2-proxy's -User, -Email, -Groups; all that tells of the way here
    "X-Auth-Request*",  # oauth2-proxy
    "Gap-Auth",
    "X-Bastion*",
    "X-Authelia*",
    "X-Authentik*",
    "X-Authenticated*",  # Kong, Zuul
    "X-Authentication*",
    "X-Auth-User*",
    "X-Auth-Name",
    "X-Auth-Email",
    "X-Auth-Group*",
    "X-Auth-Role*",
    "X-Auth-Subject",
    "X-Auth-Username",
    "Auth-User",
    "X-WebAuth*",  # Grafana
    "X-Token-*",  # caddy-security
    "X-Pomerium*",
    "X-Vouch*",
    "X-Goog-*",  # Identity-Aware Proxy
    "X-Serverless-Authorization",
    "X-Endpoint-Api-Userinfo",
    "X-Apigateway-Api-Userinfo",
    "X-Appengine*",
    "Cf-Access-*",  # Cloudflare Access
    "X-Amzn-Oidc*",  # Application Load Balancer
    "X-Amzn-Mtls*",
    "X-Ms-Client-Principal*",  # App Service
    "X-Ms-Token*",
    "X-Consumer-*",  # Kong
    "X-Credential-*",
    "X-Anonymous-Consumer",
    "X-Userinfo",
    "X-Id-Token",
    "X-User",
    "X-Username",
    "X-User-Name",
    "X-User-Email",
    "X-User-Group*",
    "X-User-Role*",
    "X-Email",
    "X-Groups",
    "X-Roles",
    "X-Principal*",
    "X-Iap-*",
    "X-Jwt-Assertion*",
    "X-Jwt-Claim*",
    "X-Jwt-Payload",
    "X-Okta*",
    "X-Oidc*",
    "Oidc-*",  # mod_auth_openidc
    "X-Saml*",
    "Mellon-*",  # mod_auth_mellon
    "Shib-*",  # Shibboleth
    "X-Shib*",
    "Eppn",
    "Sm-*",  # SiteMinder
    "Smuser*",
    "Iv-*",  # WebSEAL
    "Osso-*",  # Oracle
    "Oam-*",
    "X-Sso*",
    "X-Ldap*",
    "X-Logged-In-User",
    "Tailscale-*",
    "X-Tailscale*",
    "Teleport-*",
    "X-Ziti*",
    "X-Spiffe*",
    "L5d-Client-Id",  # Linkerd
    "X-Proxy-User*",
    "X-Proxy-Remote*",
)
_CERTIFICATE: Final = (
    "Client-Cert*",  # RFC 9440
    "X-Client-Cert*",
    "X-Client-Verify",
    "X-Client-Dn",
    "X-Client-S-Dn",
    "X-Client-Subject*",
    "X-Client-Issuer*",
    "X-Client-Fingerprint",
    "X-Clientcert*",
    "X-Ssl*",
    "Ssl-*",
    "X-Tls*",
    "Tls-*",
    "X-Cert*",
    "X-Arr-*",  # IIS
)
_ADDRESS: Final = (
    "Forwarded*",  # RFC 7239
    "X-Real-Ip",
    "X-Real-Port",
    "Client-Ip",
    "X-Client-Ip",
    "X-Cluster-Client-Ip",
    "X-Originating-Ip",
    "X-Source-Ip",
    "X-Proxyuser-Ip",
    "Proxy-Client-Ip",
    "Wl-Proxy*",  # WebLogic
    "True-Client-Ip",  # Akamai
    "Cf-Connecting*",
    "Cf-Pseudo-*",
    "Cf-Visitor",
    "Fastly-*",
    "Fly-*",
    "X-Azure-*",
    "X-Vercel-*",
    "X-Nf-*",  # Netlify
    "Do-Connecting-Ip",
    "Incap-Client-Ip",
    "X-Sucuri-*",
    "Ali-Cdn-Real-Ip",
    "X-Envoy*",
)
_PLACE: Final = (
    "X-Original*",
    "X-Rewrite*",
    "X-Script-Name",
    "Script-Name",
    "X-Ingress-Path",
    "X-Replaced-Path",  # Traefik
    "X-Prefix",
    "X-Base-Path",
    "X-Context-Path",
    "X-Path-Prefix",
    "X-Request-Uri",
    "X-Waws-Unencoded-Url",
    "X-Host",
    "X-Http-Host*",
    "X-Scheme",
    "X-Url-Scheme",
    "X-Protocol",
    "Front-End-Https",
    "X-Http-Method*",
    "X-Http-Path*",
    "X-Method",
    "X-Method-Override*",
    "Http-Method*",
    "X-Sendfile*",  # Rack takes these from requests
    "X-Accel-*",
    "Proxy",  # HTTP_PROXY to CGI, which many libraries take for the way out (httpoxy)
)
DESTINATION: Final = b"destination"  # a second resource: kept for the methods that take it, and judged (destination.py)
TAKEN: Final = (*_IDENTITY, *_CERTIFICATE, *_ADDRESS, *_PLACE, DESTINATION.decode().title())

# The snippet overwrites these, or the app is told them by Caddy itself.
REPLACED: Final = frozenset({b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"})
MOST_TAKEN: Final = 16  # places that the snippet has for them

_NOTHING: Final = b"X-Bastion-Taken: nothing\r\n"
_SOME: Final = b"X-Bastion-Taken: some\r\n"
_NO_HEADER: Final = b"x-bastion-none"
_ANY_WITH_A_STAR: Final = b"***"
_ODD: Final = re.compile(rf"[{re.escape(ODD_CHARACTERS)}]".encode())
_LOWERED: Final = tuple(name.lower().encode() for name in TAKEN)
_WHOLE: Final = frozenset(name for name in _LOWERED if name[-1:] != b"*")
_PREFIXES: Final = frozenset(name[:-1] for name in _LOWERED if name[-1:] == b"*")
_LENGTHS: Final = tuple(sorted({len(prefix) for prefix in _PREFIXES}))
_SAID_BYTES: Final = 512  # of names together, so that little is remembered
_SAID: Final = Remembered[tuple[tuple[bytes, ...], frozenset[bytes]], bytes](1024)


def is_taken(lowered: bytes) -> bool:
    """Whether a client's header of this name must not reach an app. lowered: in lower case."""
    return lowered not in REPLACED and _pattern_of(lowered) != b""


def taken(lowered: Iterable[bytes], passed: frozenset[bytes]) -> list[bytes]:
    """What Caddy has to delete, as patterns of its `request_header`, of names that are taken; each once.

    passed: names in lower case that reach the app all the same. A family is deleted whole unless it has one of them. A
    name of no family, such as Upgrade, is its own pattern.
    """
    found: dict[bytes, None] = {}
    for name in lowered:
        if name in passed:
            continue
        pattern = _pattern_of(name) or name
        prefix = pattern[:-1]
        kept = pattern[-1:] == b"*" and any(one.startswith(prefix) for one in passed)
        found[pattern if not kept else _ANY_WITH_A_STAR if b"*" in name else name] = None
    return list(found)


def to_delete(names: list[bytes], passed: frozenset[bytes]) -> bytes | None:
    """The header lines that say it to the snippet; None: it has no room for so many, see MOST_TAKEN.

    names: of headers that are taken, in any case. Behind a CDN each request has the same few.
    """
    if not names:
        return _NOTHING
    asked = (tuple(names), passed)
    known = _SAID.get(asked)
    if known is not None:
        return known
    said = _said(taken(map(bytes.lower, names), passed))
    return said if said is None or sum(map(len, names)) > _SAID_BYTES else _SAID.keep(asked, said)


def _said(found: list[bytes]) -> bytes | None:
    if not found:
        return _NOTHING
    if len(found) > MOST_TAKEN:
        return None
    filled = found + [_NO_HEADER] * (MOST_TAKEN - len(found))
    return _SOME + b"".join(b"X-Bastion-Taken-%d: %s\r\n" % (at, name) for at, name in enumerate(filled, 1))


def _pattern_of(name: bytes) -> bytes:
    """By which Caddy deletes it, with its family; b"" for a name that is not taken."""
    if name in _WHOLE:
        return name
    for length in _LENGTHS:
        if name[:length] in _PREFIXES:
            return name[:length] + b"*"
    odd = _ODD.search(name)
    return b"" if odd is None else b"*%s*" % odd[0]
