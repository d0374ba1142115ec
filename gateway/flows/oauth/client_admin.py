"""What operators do to registered clients."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from gateway.core.audit.app_events import ClientAdded, ClientChanged, ClientDisabled, ClientSecretRotated
from gateway.core.audit.changes import changes, flat, names_changed
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.policy.model import Policy
from gateway.core.policy.reading.registered import RegisteredClient, needs_secret, plain_settings
from gateway.core.yaml_marks import YamlProblem
from gateway.flows.act import Act, Acts
from gateway.flows.oauth.grants import end_grant
from gateway.stores.postgres.clients import ClientRow

_SECRET: Final = "secret"
_SECRETS: Final = frozenset({_SECRET})
_SECRET_BYTES: Final = 32
_AT_ONCE: Final = 100
# The policy files of this node, with this client beside the declared ones.
PolicyWith = Callable[[RegisteredClient], Policy]


class ClientRefused(GatewayError):
    """Says what is wrong with the settings, or with what was asked."""


@dataclass(frozen=True, slots=True)
class Settings:
    """text: YAML or JSON. file: what messages call it."""

    text: str
    file: str


@dataclass(frozen=True, slots=True)
class ClientAdmin:
    """actor: who acts, as the audit log is to name them. random: bytes of resources.py. All raise RecordUnavailable,
    and ClientRefused where there is no such client.
    """

    acts: Acts
    keys: Keys
    actor: str
    random: Callable[[int], bytes]

    async def add(self, client_id: str, settings: Settings, policy_with: PolicyWith) -> str:
        """Its secret, which nothing else ever tells; "": it has none. Raises ClientRefused or PolicyRefused."""
        given = _plain(settings)
        secret = self._secret() if needs_secret(given) else ""
        _judge(client_id, settings, _hash(secret), policy_with)
        written = json.dumps(given, ensure_ascii=False)
        async with self.acts.begin(operator=self.actor) as act:
            if not await act.clients.add(client_id, written, _hash(secret), act.now):
                raise ClientRefused(
                    f"{client_id} is registered already; `bastion client change` gives it other settings"
                )
            diff = changes({}, _values(written, _hash(secret)), _SECRETS)
            act.record(ClientAdded(None, client_id, _digest(written), written, diff))
        return secret

    async def change(self, client_id: str, settings: Settings, policy_with: PolicyWith) -> str:
        """All settings anew. A secret, if it needs one and had none, else "". Raises as add."""
        given = _plain(settings)
        async with self.acts.begin(operator=self.actor) as act:
            before = await _locked(act, client_id)
            secret = self._secret() if needs_secret(given) and before.secret_hash is None else ""
            secret_hash = (_hash(secret) or before.secret_hash) if needs_secret(given) else None
            _judge(client_id, settings, secret_hash, policy_with)
            written = json.dumps(given, ensure_ascii=False)
            await _change(act, before, replace(before, settings=written, secret_hash=secret_hash))
        return secret

    async def list(self) -> list[ClientRow]:
        """By id."""
        async with self.acts.begin() as act:
            return await act.clients.all()

    async def page(self, after: str, most: int) -> Sequence[ClientRow]:
        """By id. after: the last of the page before, "" for the first."""
        async with self.acts.begin() as act:
            return await act.clients.page(after, most)

    async def show(self, client_id: str) -> ClientRow:
        async with self.acts.begin() as act:
            return await _locked(act, client_id)

    async def rotate_secret(self, client_id: str) -> str:
        """The new one."""
        secret = self._secret()
        async with self.acts.begin(operator=self.actor) as act:
            before = await _locked(act, client_id)
            if before.secret_hash is None:
                raise ClientRefused(f"{client_id} has no secret")
            changed = replace(before, secret_hash=_hash(secret))
            await act.clients.change(changed, act.now)
            act.record(ClientSecretRotated(None, client_id, _diff(before, changed)))
        return secret

    async def disable(self, client_id: str) -> bool:
        """Nothing that the client has passes any more when this returns. False: it was disabled before; its grants end
        again all the same. Raises RedisBehind; then do it again.

        The state is written first: an exchange that has begun makes its grant before, and any later one is refused.
        """
        async with self.acts.begin(operator=self.actor) as act:
            before = await _locked(act, client_id)
            active = before.state == "active"
            if active:
                await act.clients.change(replace(before, state="disabled"), act.now)
                act.record(ClientDisabled(None, client_id))
        async with self.acts.begin() as act:  # an exchange locks its code before the client
            await act.codes.forget_client(client_id)
        await self._end_grants(client_id)
        return active

    async def enable(self, client_id: str) -> bool:
        """It may ask anew; none of its grants comes back. False: it was enabled before."""
        async with self.acts.begin(operator=self.actor) as act:
            before = await _locked(act, client_id)
            if before.state == "active":
                return False
            await _change(act, before, replace(before, state="active"))
        return True

    async def _end_grants(self, client_id: str) -> None:
        after, full = b"", True
        while full:
            async with self.acts.begin(operator=self.actor) as act:
                found = await act.grants.list_of_client(client_id, after, act.now, _AT_ONCE)
                for grant in found:
                    await end_grant(act, self.keys.tag, grant, "client_disabled")
            full = len(found) == _AT_ONCE
            after = found[-1].id if found else after

    def _secret(self) -> str:
        return b64(self.random(_SECRET_BYTES))


async def _locked(act: Act, client_id: str) -> ClientRow:
    found = await act.clients.lock(client_id)
    if found is None:
        raise ClientRefused(f"no client {client_id!r} is registered; `bastion client list` shows them")
    return found


async def _change(act: Act, before: ClientRow, after: ClientRow) -> None:
    await act.clients.change(after, act.now)
    act.record(
        ClientChanged(
            None,
            after.id,
            after.state,
            after.version + 1,
            changed=names_changed(_values_of(before), _values_of(after), _SECRETS),
            digest=_digest(after.settings),
            settings=after.settings,
            diff=_diff(before, after),
        )
    )


def _diff(before: ClientRow, after: ClientRow) -> tuple[str, ...]:
    return changes(_values_of(before), _values_of(after), _SECRETS)


def _values_of(client: ClientRow) -> dict[str, str]:
    return {"state": client.state, **_values(client.settings, client.secret_hash)}


def _values(settings: str, secret_hash: bytes | None) -> dict[str, str]:
    """secret_hash: compared here, and told by no one."""
    return {**flat(json.loads(settings)), _SECRET: "" if secret_hash is None else secret_hash.hex()}


def _digest(settings: str) -> str:
    return sha256(settings.encode()).hexdigest()


def _plain(settings: Settings) -> object:
    try:
        return plain_settings(settings.text, settings.file)
    except YamlProblem as bad:
        raise ClientRefused(f"{settings.file}:{bad}") from bad


def _judge(client_id: str, settings: Settings, secret_hash: bytes | None, policy_with: PolicyWith) -> None:
    """By the rules and the definitions of policy. Raises ClientRefused or PolicyRefused."""
    policy = policy_with(RegisteredClient(client_id, settings.text, secret_hash, settings.file))
    if client_id in policy.left_out:
        raise ClientRefused(policy.left_out[client_id])


def _hash(secret: str) -> bytes | None:
    return sha256(secret.encode()).digest() if secret else None
