"""What each ceremony takes, and that each part of an answer carries weight."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.steps import passkey
from gateway.core.base64url import b64, unb64
from gateway.core.passkeys.answer import (
    ANSWER_CHARS,
    BadAnswer,
    Counted,
    counted,
    is_of,
    read_answer,
    verify_enrolment,
    verify_proof,
)
from gateway.core.passkeys.options import (
    PasskeyOwner,
    enrolment_options,
    second_options,
    sign_in_options,
)
from gateway.core.passkeys.passkey import Passkey
from gateway.core.passkeys.relying_party import RelyingParty
from tests.authenticator import BE, BS, UP, UV, Authenticator

RP = RelyingParty("auth.example.org", "Example", "https://auth.example.org")
ADA = PasskeyOwner(UUID(int=7), "ada", "Ada Lovelace")
CHALLENGE = bytes(range(36))
ENROL = enrolment_options(RP, ADA, CHALLENGE, [])
PROVE = sign_in_options(RP, CHALLENGE)


def authenticator(**changed: Any) -> Authenticator:
    return Authenticator(**({"rp_id": RP.id, "origin": RP.origin} | changed))


def enrolled(by: Authenticator) -> Passkey:
    return verify_enrolment(RP, read_answer(by.enrol(ENROL)))


def test_a_new_passkey_is_taken() -> None:
    key = authenticator()

    answer = read_answer(key.enrol(ENROL))
    made = verify_enrolment(RP, answer)

    assert answer.challenge == CHALLENGE
    assert (made.id, made.sign_count, made.device_bound, made.alone) == (key.id, 1, True, True)
    assert made.aaguid == "00000000-0000-0000-0000-000000000000"


def test_it_proves_who_somebody_is() -> None:
    key = authenticator()
    passkey_ = enrolled(key)

    answer = read_answer(key.prove(PROVE))
    proven = verify_proof(RP, answer, passkey_)

    assert (answer.id, answer.challenge, answer.user_handle) == (key.id, CHALLENGE, ADA.user_id.bytes)
    assert proven.proof == passkey(device_bound=True, verified=True)
    assert proven.sign_count == 2


# threats.md L17: the library itself takes crossOrigin true and any topOrigin.
WRONG_CLIENTS: list[dict[str, Any]] = [
    {"origin": "https://auth.example.org.evil.example"},
    {"origin": "https://www.example.org"},
    {"origin": "http://auth.example.org"},
    {"origin": "https://auth.example.org:8443"},
    {"origin": "https://AUTH.example.org"},
    {"origin": "https://auth.example.org/"},
    {"origin": None},
    {"origin": ["https://auth.example.org"]},
    {"crossOrigin": True},
    {"crossOrigin": 1},
    {"crossOrigin": "false"},
    {"crossOrigin": 0},
    {"topOrigin": "https://evil.example"},
    {"topOrigin": "https://auth.example.org"},
    {"topOrigin": ""},
    {"crossOrigin": True, "topOrigin": "https://evil.example"},
    {"type": "payment.get"},
    {"type": None},
]


@pytest.mark.parametrize("wrong", WRONG_CLIENTS, ids=str)
def test_no_other_page_enrols_or_proves(wrong: dict[str, Any]) -> None:
    key = authenticator()
    passkey_ = enrolled(key)

    with pytest.raises(BadAnswer):
        verify_enrolment(RP, read_answer(key.enrol(ENROL, **wrong)))
    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(key.prove(PROVE, **wrong)), passkey_)


def test_a_browser_that_says_nothing_of_frames_is_taken() -> None:
    key = authenticator()
    passkey_ = verify_enrolment(RP, read_answer(key.enrol(ENROL, crossOrigin=None)))

    assert verify_proof(RP, read_answer(key.prove(PROVE, crossOrigin=None)), passkey_).sign_count == 2


def test_one_ceremony_is_not_the_other() -> None:
    key = authenticator()
    passkey_ = enrolled(key)

    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(key.prove(PROVE, type="webauthn.create")), passkey_)
    with pytest.raises(BadAnswer):
        verify_enrolment(RP, read_answer(key.enrol(ENROL, type="webauthn.get")))
    with pytest.raises(BadAnswer):
        verify_enrolment(RP, read_answer(key.prove(PROVE)))
    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(key.enrol(ENROL)), passkey_)


@pytest.mark.parametrize(
    "changed",
    [
        {"rp_id": "example.org"},
        {"rp_id": "evil.example"},
        {"flags": UV},
        {"flags": UP | UV | BS},
    ],
    ids=["parent", "other", "nobody-present", "backed-up-though-bound"],
)
def test_the_authenticator_has_to_answer_for_us(changed: dict[str, Any]) -> None:
    key = authenticator()
    passkey_ = enrolled(key)

    for name, value in changed.items():
        setattr(key, name, value)

    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(key.prove(PROVE)), passkey_)
    with pytest.raises(BadAnswer):
        verify_enrolment(RP, read_answer(key.enrol(ENROL)))


def test_another_key_signs_for_nobody() -> None:
    passkey_ = enrolled(authenticator())

    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(authenticator().prove(PROVE)), passkey_)


def test_a_signature_is_of_its_own_client_data() -> None:
    key = authenticator()
    passkey_ = enrolled(key)
    answer = json.loads(key.prove(PROVE))
    other = json.loads(key.prove(sign_in_options(RP, b"o" * 36)))

    answer["response"]["clientDataJSON"] = other["response"]["clientDataJSON"]

    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(json.dumps(answer)), passkey_)


@pytest.mark.parametrize(
    ("flags", "results", "device_bound", "alone"),
    [
        (UP | UV, {"credProps": {"rk": True}}, True, True),
        (UP | UV | BE, {"credProps": {"rk": True}}, False, True),
        (UP | UV | BE | BS, {}, False, True),
        (UP | UV, {"credProps": {}}, True, True),
        (UP | UV, {"credProps": {"rk": False}}, True, False),
        (UP, {"credProps": {"rk": True}}, True, False),
        (UP, {"credProps": {"rk": False}}, True, False),
        (UP | BE, {}, False, False),
    ],
)
def test_what_a_passkey_can_do_is_known_from_its_enrolment(
    flags: int, results: dict[str, Any], device_bound: bool, alone: bool
) -> None:
    key = authenticator(flags=flags)

    made = verify_enrolment(RP, read_answer(key.enrol(ENROL, results=results)))

    assert (made.device_bound, made.alone) == (device_bound, alone)


@pytest.mark.parametrize("flags", [UP, UP | UV])
def test_a_passkey_without_verification_never_becomes_both_factors(flags: int) -> None:
    """Whoever finds the authenticator could give it a PIN and let it verify them."""
    key = authenticator(flags=UP)
    passkey_ = enrolled(key)
    key.flags = flags

    proven = verify_proof(RP, read_answer(key.prove(PROVE)), passkey_)

    assert proven.proof == passkey(device_bound=True, verified=False)


def test_a_passkey_that_verified_nobody_this_time_is_one_factor() -> None:
    key = authenticator()
    passkey_ = enrolled(key)
    key.flags = UP

    assert not verify_proof(RP, read_answer(key.prove(PROVE)), passkey_).proof.first


@pytest.mark.parametrize("later", [UP | UV | BE, UP | UV | BE | BS])
def test_a_bound_passkey_never_becomes_one_that_can_be_copied(later: int) -> None:
    key = authenticator()
    passkey_ = enrolled(key)
    key.flags = later

    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(key.prove(PROVE)), passkey_)
    with pytest.raises(BadAnswer):
        verify_proof(RP, read_answer(authenticator(key=key.key).prove(PROVE)), replace(passkey_, device_bound=False))


@pytest.mark.parametrize(
    ("fmt", "statement"),
    [
        ("packed", {"alg": -7, "sig": b"s", "x5c": [b"certificate"]}),
        ("fido-u2f", {"sig": b"s", "x5c": [b"certificate"]}),
        ("tpm", {}),
        ("none", {"sig": b"s"}),
        ("packed", {"alg": -7, "sig": b"wrong"}),
        ("madeup", {}),
        (7, {}),
    ],
)
def test_attestation_that_nobody_asked_for_is_refused(fmt: object, statement: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        verify_enrolment(RP, read_answer(authenticator().enrol(ENROL, fmt=fmt, statement=statement)))


def test_the_browser_and_the_authenticator_name_one_passkey() -> None:
    answer = json.loads(authenticator().enrol(ENROL))
    answer["id"] = answer["rawId"] = b64(b"another")

    with pytest.raises(BadAnswer):
        verify_enrolment(RP, read_answer(json.dumps(answer)))


@pytest.mark.parametrize(
    ("before", "now", "ok"), [(0, 0, True), (0, 1, True), (1, 2, True), (1, 1, False), (2, 1, False), (1, 0, False)]
)
def test_a_counter_that_does_not_rise_is_of_a_clone(before: int, now: int, ok: bool) -> None:
    assert (counted(before, now) is Counted.PLAUSIBLE) is ok


def test_a_passkey_is_of_the_person_whom_it_was_made_for() -> None:
    key = authenticator(user_handle=ADA.user_id.bytes)

    assert is_of(read_answer(key.prove(PROVE)), ADA.user_id.bytes)
    assert not is_of(read_answer(key.prove(PROVE)), UUID(int=8).bytes)
    assert is_of(read_answer(authenticator().prove(PROVE)), ADA.user_id.bytes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=40).map(b64),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=40) | JSON.map(json.dumps))
def test_foreign_text_is_no_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        read_answer(text)


@pytest.mark.parametrize("text", ["", "[" * 4000, " " * (ANSWER_CHARS + 1), "{}", '{"response": {}}', "\ud800"])
def test_texts_that_break_parsers_are_no_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        read_answer(text)


@given(st.sampled_from(["enrol", "prove"]), st.data())
def test_an_answer_with_anything_in_one_place_is_right_or_refused(ceremony: str, data: st.DataObject) -> None:
    key = authenticator()
    passkey_ = enrolled(key)
    found = json.loads(key.enrol(ENROL) if ceremony == "enrol" else key.prove(PROVE))
    place = data.draw(st.sampled_from(["id", "rawId", "type", "clientExtensionResults", *found["response"]]))
    value = data.draw(JSON)
    (found["response"] if place in found["response"] else found)[place] = value

    try:
        answer = read_answer(json.dumps(found))
        if ceremony == "enrol":
            verify_enrolment(RP, answer)
        else:
            verify_proof(RP, answer, passkey_)
    except BadAnswer:
        return
    assert place in ("clientExtensionResults", "userHandle")


@given(
    st.sampled_from(["attestationObject", "authenticatorData"]), st.integers(0, 300), st.binary(min_size=1, max_size=6)
)
def test_bytes_of_an_authenticator_are_right_or_refused(part: str, place: int, instead: bytes) -> None:
    key = authenticator()
    passkey_ = enrolled(key)
    found = json.loads(key.enrol(ENROL) if part == "attestationObject" else key.prove(PROVE))
    raw = found["response"][part]
    changed = bytearray(unb64(raw))
    changed[place : place + len(instead)] = instead
    found["response"][part] = b64(bytes(changed))
    answer = read_answer(json.dumps(found))

    if part == "authenticatorData":
        if found["response"][part] != raw:
            with pytest.raises(BadAnswer):
                verify_proof(RP, answer, passkey_)
        return
    try:
        verify_enrolment(RP, answer)
    except BadAnswer:
        return


def test_a_browser_is_asked_for_what_each_page_needs() -> None:
    enrol = json.loads(enrolment_options(RP, ADA, CHALLENGE, [b"one"]))
    alone = json.loads(PROVE)
    second = json.loads(second_options(RP, CHALLENGE, [b"one", b"two"]))

    assert enrol["rp"] == {"id": "auth.example.org", "name": "Example"}
    assert enrol["user"] == {"id": b64(ADA.user_id.bytes), "name": "ada", "displayName": "Ada Lovelace"}
    assert [one["id"] for one in enrol["excludeCredentials"]] == [b64(b"one")]
    assert enrol["attestation"] == "none"
    assert enrol["authenticatorSelection"]["residentKey"] == "preferred"
    assert (alone["rpId"], alone["allowCredentials"], alone["userVerification"]) == (RP.id, [], "required")
    assert [one["id"] for one in second["allowCredentials"]] == [b64(b"one"), b64(b"two")]
    assert second["userVerification"] == "preferred"
    assert all(one["challenge"] == b64(CHALLENGE) for one in (enrol, alone, second))
