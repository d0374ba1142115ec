"""What clients read of the server: names that RFC 8414 and OpenID Connect Discovery have, and what is built."""

from gateway.core.assurance.model import CAN_BE_MET
from gateway.core.oauth.metadata import metadata
from tests.core.oauth.apps import ISSUER, apps


def test_every_address_is_the_issuers() -> None:
    told = metadata(ISSUER, apps().clients.values())

    addresses = {name: value for name, value in told.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(addresses) == 8
    assert all(str(value).startswith(ISSUER + "/") for value in addresses.values())
    assert told["issuer"] == ISSUER


def test_what_a_client_needs_to_know() -> None:
    told = metadata(ISSUER, apps().clients.values())

    assert told["response_types_supported"] == ["code"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert told["acr_values_supported"] == [*CAN_BE_MET]
    assert told["scopes_supported"] == [
        "email", "groups", "notes.read", "offline_access", "openid", "profile",
    ]  # fmt: skip
    for name in ("id_token_signing_alg_values_supported", "dpop_signing_alg_values_supported"):
        algorithms = told[name]
        assert isinstance(algorithms, list)
        assert {"ES256", "EdDSA", "PS256"} <= {*algorithms}
        assert not {"none", "HS256", "RSA1_5"} & {*algorithms}


def test_without_clients_there_is_the_scope_that_openid_connect_asks_for() -> None:
    assert metadata(ISSUER, ())["scopes_supported"] == ["openid"]
