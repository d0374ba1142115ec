"""The policy of the ground. Each route says on the client's response that it was the one that Bastion chose."""

import json
import re
from typing import Any, Final

BACKENDS: Final = ("aiohttp", "cgi", "express", "flask", "servemux")
CASE_BLIND: Final = ("express",)  # to which /Admin is /admin
TUNNEL: Final = "tunnel.localhost"
EVERY_ODDITY: Final = ["encoded_slash", "encoded_percent", "double_slash", "semicolon", "backslash", "not_utf8"]
ROUTES: Final[dict[str, dict[str, Any]]] = {
    "public": {"paths": "/public/**", "allow": "anyone"},
    "staff": {"paths": "/staff/**", "allow": {"groups": "staff"}},
    "admin": {"paths": "/admin/**", "allow": {"groups": "admins"}},
    "api": {"paths": "/api/**", "allow": {"groups": "staff"}},
    "keys": {"paths": "/api/admin/**", "allow": {"groups": "admins"}},
    "own": {"paths": "/u/{name}/**", "allow": {"users": "{name}"}},
    "page": {"paths": "/page/*", "allow": "anyone"},
    "form": {"paths": "/form", "methods": "GET", "allow": "anyone"},
    "post": {"paths": "/form", "methods": "POST", "allow": {"groups": "staff"}},
}
# What each needs to opt in to, to be of use.
PRODUCTS: Final = {
    "gitlab": ["encoded_slash"],
    "npm": ["encoded_slash"],
    "rabbitmq": ["encoded_slash"],
    "tomcat": ["semicolon"],
    "jenkins": ["double_slash", "encoded_slash", "encoded_percent"],
    "nextcloud": ["encoded_percent"],
}
_ROUTE: Final = re.compile(r"report-uri https://(\w+)\.route\.example")


def policy_text() -> str:
    products = {
        product: {"hosts": f"{product}.localhost", "allow": "anyone", "path_accepts": oddities, **_marked(product)}
        for product, oddities in PRODUCTS.items()
    }
    apps = {
        # As most policies are: letters as they are written, and only one tree that opts in to something.
        "site": _app([f"{name}.localhost" for name in BACKENDS], {}, api="encoded_slash", keys="encoded_slash"),
        # Another app on the same hosts, to which letters are the same in either case.
        "files": {
            "hosts": [f"{name}.localhost" for name in BACKENDS],
            "base": "/files",
            "allow": "anyone",
            "case": "insensitive",
            **_marked("files"),
        },
        # As lax as a policy can be written and still be true: so that as much as possible reaches the apps.
        "lax": _app([lax(name) for name in BACKENDS if name not in CASE_BLIND], {"case": "sensitive"}),
        "blind": _app([lax(name) for name in CASE_BLIND], {"case": "insensitive"}),
        "tunnel": {"hosts": TUNNEL, "allow": "nobody", "routes": {"tunnel": {"paths": "/tunnel", "allow": "anyone"}}},
        **products,
    }
    return json.dumps({"defaults": {"limits": "none"}, "apps": apps}, indent=2)  # which is YAML


def lax(backend: str) -> str:
    return f"{backend}-lax.localhost"


def route_in(report_only: str) -> str:
    """The route that the header names, "" without one."""
    found = _ROUTE.search(report_only)
    return found[1] if found else ""


def _app(hosts: list[str], settings: dict[str, Any], **accepts: str) -> dict[str, Any]:
    """accepts: route -> oddities; where none is named, all routes accept all."""
    routes = {
        name: {**route, **_marked(name), **({"path_accepts": accepts[name]} if name in accepts else {})}
        for name, route in ROUTES.items()
    }
    rest = {} if accepts else {"path_accepts": EVERY_ODDITY}
    return {"hosts": hosts, "allow": "authenticated", **settings, **rest, **_marked("rest"), "routes": routes}


def _marked(route: str) -> dict[str, Any]:
    return {"headers": {"extends": "off", "csp_report_only": {"report-uri": f"https://{route}.route.example"}}}
