"""Which headers tell an app who it is, as configurations choose them."""

from gateway.core.principal.identity import identity_headers

REMOTE = tuple(identity_headers(remote=True, x_auth_request=False, also={}))
X_AUTH_REQUEST = tuple(identity_headers(remote=False, x_auth_request=True, also={}))
BOTH = (*REMOTE, *X_AUTH_REQUEST)
