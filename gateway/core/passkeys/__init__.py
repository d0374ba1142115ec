"""WebAuthn, without a store: challenges, what a browser is asked, and what its answer proves."""
