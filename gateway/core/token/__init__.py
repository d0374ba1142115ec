"""Owns what apps carry: access tokens, refresh tokens, DPoP proofs and nonces, as text and as what they say."""
