"""Says for people how a login was proven, and its risk score."""

from typing import Final

from gateway.core.assurance.model import HWK, OTP, PWD, RECOVERY, SWK, UNKNOWN_RISK, USER, Assurance

_PROOFS: Final = ((PWD, "password"), (OTP, "authenticator app"), (RECOVERY, "recovery code"))


def proof_words(assurance: Assurance) -> str:
    """Such as "password and authenticator app"."""
    words = [word for bit, word in _PROOFS if assurance.amr & bit]
    if assurance.amr & (HWK | SWK):
        words.append("passkey with PIN or screen lock" if assurance.amr & USER else "passkey")
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words) or "not known"


def score_words(assurance: Assurance) -> str:
    return "not known" if assurance.risk == UNKNOWN_RISK else f"{assurance.risk} of 100"
