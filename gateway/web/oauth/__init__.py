"""Speaks OAuth 2.0 and OpenID Connect: the pages of the authorization endpoint, and the endpoints of clients."""
