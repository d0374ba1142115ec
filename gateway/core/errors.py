"""The root of every error that is ours; each module keeps its own beside what raises them."""


class GatewayError(Exception):
    """Says what went wrong in protocol words; HTTP meets it only in web/errors.py."""


class StoreUnavailable(GatewayError):
    """Redis, the live copy and the limits, did not answer: unknown, so nobody passes."""
