"""GET /.well-known/jwks.json: the keys by which tokens of ours are verified."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.core.token.signing_keys import JWKS_MAX_AGE_S, KeySet, NoSigningKey
from gateway.web.protocol import ProtocolRoute

PATH: Final = "/.well-known/jwks.json"


def endpoint(keys: Callable[[], KeySet]) -> ProtocolRoute:
    async def jwks(request: web.Request) -> web.Response:
        """Raises NoSigningKey while there is none: an empty answer would be kept by apps."""
        current = keys()
        if not current.verification:
            raise NoSigningKey("no signing key is known yet")
        headers = {"ETag": current.etag, "Cache-Control": f"public, max-age={JWKS_MAX_AGE_S}"}
        known = request.if_none_match or ()
        if any(tag.value in ("*", current.etag.strip('"')) for tag in known):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=current.document, headers=headers, content_type="application/json")

    return ProtocolRoute(PATH, {"GET": jwks}, readable="everywhere")
