"""Caddyfiles around one site of policy, and what the lint says of them."""

from pathlib import Path

from gateway.core.caddy.findings import Level
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.header_sets import most_used
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from gateway.embedded import Binaries
from gateway.flows.policy.caddy_lint import Placed, lint_caddyfile, read_caddyfile

HOST = "app.example.com"
GLOBAL = "{\n\tadmin off\n\tservers {\n\t\t0rtt off\n\t}\n}\n"
AUTH = "auth.example.com {\n\timport bastion_auth\n}\n"
NOBODY = ":443 {\n\trespond 421\n}\n"
APP = "reverse_proxy 127.0.0.1:8080 {\n\t\t\tstream_timeout 15m\n\t\t}"
OTHER_APP = APP.replace("8080", "9")  # behind no wrapper
WRAPPED = f"{HOST} {{\n\timport bastion {{\n\t\trequest_body {{\n\t\t\tmax_size 1MB\n\t\t}}\n\t\t{APP}\n\t}}\n}}\n"


def policy(*hosts: str, auth_url: str = "https://auth.example.com") -> Policy:
    apps = "\n".join(f"  app{number}: {{hosts: '{host}', allow: authenticated}}" for number, host in enumerate(hosts))
    return compile_policy({"app.yaml": f"apps:\n{apps}\n"}, Site.of(auth_url))


def site(*directives: str, address: str = HOST, wrapper: str = "import bastion {\n\t\trequest_body 1MB\n\t}") -> str:
    """A site with the wrapper, and directives beside it."""
    wrapper = wrapper.replace("request_body 1MB", f"request_body {{\n\t\t\tmax_size 1MB\n\t\t}}\n\t\t{APP}")
    return f"{address} {{\n\t" + "\n\t".join([*directives, wrapper]) + "\n}\n"


# With the header sets of the policy above: the lint warns where one is missing.
PRINTED = Snippet(header_sets=most_used(route.header_set for route in policy(HOST).routes))


def written(directory: Path, sites: str, *, start: str = GLOBAL, snippet: str = "") -> Path:
    (directory / "bastion.caddy").write_text(snippet or snippet_text(PRINTED))
    file = directory / "Caddyfile"
    file.write_text(f"{start}import bastion.caddy\n{AUTH}{NOBODY}{sites}")
    return file


def linted(file: Path, binaries: Binaries, *hosts: str) -> tuple[Placed, ...]:
    return lint_caddyfile(read_caddyfile(file, binaries), policy(*(hosts or (HOST,))), Snippet(), binaries)


def errors(found: tuple[Placed, ...]) -> list[str]:
    return [str(one) for one in found if one.finding.level is Level.ERROR]
