"""Owns profiles of response headers, and the constant block of an allow that they become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.policy.csp import ANCESTORS, Directives, joined

# What an allow can set on the client's response, as `X-Bastion-Set-<name>`. The snippet for Caddy is made from it.
SET_HEADERS: Final = (
    "Content-Security-Policy",
    "Content-Security-Policy-Report-Only",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "X-Frame-Options",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Resource-Policy",
    "Server",
    "X-Powered-By",
    "Cache-Control",
)
CACHE_CONTROL: Final = SET_HEADERS[12]
CSP: Final = SET_HEADERS[0]
CSP_REPORT_ONLY: Final = SET_HEADERS[1]
HSTS: Final = SET_HEADERS[2]
FRAME_OPTIONS: Final = SET_HEADERS[6]
REMOVE: Final = "!"
PRIVATE: Final = ("X-Bastion-Private", "1")  # an allow for one person: no shared cache keeps the answer
HIDDEN: Final = ("Server", "X-Powered-By")
_FORM_ACTION: Final = "form-action"
_FRAME_OPTIONS: Final = {"'none'": "DENY", "'self'": "SAMEORIGIN"}


@dataclass(frozen=True, slots=True)
class Profile:
    """values: header -> value or REMOVE, without the CSP pair; a header that is absent is left to the app.

    csp, csp_report_only: None leaves the app's, an empty one takes it away. ancestors: value of frame-ancestors, or "".
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    csp: Directives | None = None
    csp_report_only: Directives | None = None
    ancestors: str = ""
    hidden: tuple[str, ...] = ()

    def block(self, auth_origin: str) -> tuple[tuple[str, str], ...]:
        """The X-Bastion-* headers, in a fixed order. Strict-Transport-Security means nothing over plain http.

        auth_origin: where forms of the app may end, when they are answered with the way to the login or the logout:
        browsers hold form-action against redirects too.
        """
        values = {**self.values, **dict.fromkeys(self.hidden, REMOVE)}
        if self.ancestors:
            # An older header with fewer words: what it can't say is left to frame-ancestors alone.
            values[FRAME_OPTIONS] = _FRAME_OPTIONS.get(self.ancestors, REMOVE)
        if not auth_origin.startswith("https://"):
            values.pop(HSTS, None)
        if self.csp is not None:
            values[CSP] = joined(_with_login(self._with_ancestors(self.csp), auth_origin)) or REMOVE
        if self.csp_report_only is not None:
            values[CSP_REPORT_ONLY] = joined(_with_login(self.csp_report_only, auth_origin)) or REMOVE
        lines = [(f"X-Bastion-Set-{name}", values[name]) for name in SET_HEADERS if name in values]
        if self.ancestors and self.csp is None:
            lines.append((f"X-Bastion-Add-{CSP}", joined(self._with_ancestors({}))))
        return tuple(lines)

    def _with_ancestors(self, directives: Directives) -> Directives:
        return {**directives, ANCESTORS: self.ancestors} if self.ancestors else directives


def _with_login(directives: Directives, auth_origin: str) -> Directives:
    """Where forms are forbidden they stay forbidden."""
    targets = directives.get(_FORM_ACTION)
    if targets is None or targets == "'none'" or auth_origin in targets.split():
        return directives
    return {**directives, _FORM_ACTION: f"{targets} {auth_origin}".strip()}


_ONE_YEAR: Final = "max-age=31536000"
_NO_FEATURES: Final = ", ".join(
    f"{feature}=()" for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)
SHIPPED: Final[Mapping[str, Profile]] = {
    "strict": Profile(
        "strict",
        {
            HSTS: _ONE_YEAR,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": _NO_FEATURES,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
        csp={"default-src": "'self'", "object-src": "'none'", "base-uri": "'self'", "form-action": "'self'"},
        ancestors="'self'",
        hidden=HIDDEN,
    ),
    "legacy": Profile(
        "legacy",
        {
            HSTS: _ONE_YEAR,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "strict-origin-when-cross-origin",
        },
        ancestors="'self'",
        hidden=HIDDEN,
    ),
    "off": Profile("off"),
}
DEFAULT: Final = SHIPPED["legacy"]
