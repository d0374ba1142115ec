"""The closed table of signature algorithms: which there are, what key each takes, and who may use which.

An algorithm belongs to a key, never to a token: `alg` of a header only has to agree (RFC 8725 section 3.1).
"""

from typing import Final

import jwt.algorithms
from jwt.algorithms import Algorithm

_OF_PYJWT: Final = jwt.algorithms.get_default_algorithms()
# RFC 9864 names EdDSA over Ed25519 anew; both names are one algorithm.
ALGORITHMS: Final[dict[str, Algorithm]] = {
    "ES256": _OF_PYJWT["ES256"],
    "EdDSA": _OF_PYJWT["EdDSA"],
    "Ed25519": _OF_PYJWT["EdDSA"],
    "PS256": _OF_PYJWT["PS256"],
    "RS256": _OF_PYJWT["RS256"],
}
OF_KEY: Final[dict[tuple[str, str], frozenset[str]]] = {  # kty, crv
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
    ("RSA", ""): frozenset({"PS256", "RS256"}),
}

# By use. FAPI 2.0 section 5.4 leaves out RS256; a proof is always made by new code, which needs no RS256 either.
OURS: Final = frozenset(ALGORITHMS)
ASSERTIONS: Final = OURS
FAPI2: Final = OURS - {"RS256"}
PROOFS: Final = FAPI2
PROOF_ALGS: Final = " ".join(sorted(PROOFS))  # as a challenge names them
# What our own tokens are signed with, by one name each. Labels of metrics keep this order.
SIGNING_ALGORITHMS: Final = ("ES256", "EdDSA", "PS256", "RS256")


def same_algorithm(alg: str) -> frozenset[str]:
    """All names of alg; empty: none of ours."""
    if alg in ("EdDSA", "Ed25519"):
        return OF_KEY["OKP", "Ed25519"]
    return frozenset({alg}) & OURS
