"""Names in which gateways, proxies and clouds tell apps what they found out: from a client they reach no app."""

from typing import Final

import pytest

from tests.caddy.doubles import App
from tests.caddy.rig import APP, Rig

# As the documentation of each has them.
FORGED: Final = (
    "Remote-User", "X-Remote-User", "X-Remote-Group", "X-Remote-Extra-Scopes", "X-Forwarded-User", "X-Forwarded-Email",
    "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Auth-Request-User",
    "X-Authentik-Username", "X-Authentik-Jwt", "X-WebAuth-User", "X-Token-Subject", "X-Token-User-Email",
    "X-Pomerium-Jwt-Assertion", "X-Pomerium-Claim-Email", "Cf-Access-Jwt-Assertion",
    "Cf-Access-Authenticated-User-Email", "X-Goog-Authenticated-User-Email", "X-Goog-Iap-Jwt-Assertion",
    "X-Vouch-User", "X-Amzn-Oidc-Identity", "X-Amzn-Oidc-Data", "X-Amzn-Mtls-Clientcert", "X-Ms-Client-Principal-Name",
    "X-Consumer-Username", "X-Credential-Identifier", "X-Userinfo", "X-Authenticated-User", "X-Auth-User",
    "Tailscale-User-Login", "Teleport-Jwt-Assertion", "X-Shib-Uid", "Oidc-Claim-Sub", "Sm-User", "Iv-User",
    "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "Client-Cert", "Client-Cert-Chain", "X-Client-Cert",
    "X-Client-Verify", "X-Ssl-Client-Verify", "X-Ssl-Client-S-Dn", "Ssl-Client-Cert", "Ssl-Client-S-Dn",
    "X-Arr-Clientcert", "X-Tls-Client-Cert",
    "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Cf-Connecting-Ipv6",
    "Fastly-Client-Ip", "Fly-Client-Ip", "X-Azure-Clientip", "X-Azure-Socketip", "X-Appengine-User-Ip", "Client-Ip",
    "Forwarded", "Forwarded-For", "Wl-Proxy-Client-Ip", "Proxy-Client-Ip", "Do-Connecting-Ip",
    "X-Envoy-External-Address",
    "X-Script-Name", "X-Forwarded-Prefix", "X-Original-Url", "X-Original-Uri", "X-Original-Host", "X-Rewrite-Url",
    "X-Envoy-Original-Path", "X-Ingress-Path", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
    "X-Host", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Scheme", "Front-End-Https",
    "X-Sendfile-Type", "X-Accel-Mapping", "Proxy",
    "Destination",  # except of COPY, MOVE and their kin: policy judges it there
)  # fmt: skip
# What apps and their clients need, and looks a little like it.
HARMLESS: Final = (
    "Accept", "Accept-Language", "Authorization", "Content-Type", "DPoP", "If-None-Match", "Origin", "Range", "Referer",
    "User-Agent", "X-Api-Key", "X-Auth-Token", "X-Csrf-Token", "X-Requested-With", "X-User-Id", "X-User-Agent",
    "X-Client-Data", "X-Client-Version", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Ms-Version", "X-Ms-Date",
    "X-Upload-Offset", "Upload-Length", "Tus-Resumable", "Depth", "Sec-Fetch-Site", "Hx-Request",
    "X-Grpc-Web", "Grpc-Timeout", "Traceparent", "X-Xsrf-Token", "X-Gitlab-Token", "Private-Token", "Idempotency-Key",
)  # fmt: skip


@pytest.mark.parametrize("spelled", [str, str.lower, str.upper, lambda name: name.replace("-", "_")],
                         ids=["as written", "in small letters", "in capitals", "with underscores"])  # fmt: skip
def test_a_forged_name_reaches_no_app(rig: Rig, app: App, spelled: object) -> None:
    assert callable(spelled)
    for at in range(0, len(FORGED), 8):
        names = [spelled(name) for name in FORGED[at : at + 8]]
        rig.fetch(APP, "/", *((name, "evil") for name in names), *((name, "evil") for name in names))

    assert len(app.reached) == -(-len(FORGED) // 8)
    for seen in app.reached:
        assert [name for name, value in seen.headers if "evil" in value] == []


def test_what_clients_send_to_apps_reaches_them(rig: Rig, app: App) -> None:
    rig.fetch(APP, "/", *((name, f"of {name}") for name in HARMLESS))

    (seen,) = app.reached
    assert [name for name in HARMLESS if seen.all(name) != [f"of {name}"]] == []


@pytest.mark.parametrize("name", ["*", "**", "***", "Host*", "*Host", "*o*"])
def test_a_name_that_looks_like_a_pattern_takes_nothing_else_away(rig: Rig, app: App, name: str) -> None:
    """Caddy deletes by patterns, and with all headers the Host."""
    rig.fetch(APP, "/", (name, "evil"), ("Origin", "https://x"))

    (seen,) = app.reached
    assert not seen.all(name)
    assert seen.one("Host") == f"{APP}:{rig.port}"
    assert seen.one("Origin") == "https://x"
