"""Who asks, for `bastion policy explain`: as the options describe them, or as a live login has them."""

from dataclasses import dataclass

import click

from gateway.config import Config
from gateway.core.assurance.model import OTP, PWD, UNKNOWN_RISK, Assurance, bits_of
from gateway.core.policy.client import own_user
from gateway.core.policy.facts import SESSION, Actor
from gateway.core.policy.route import API_KEY
from gateway.core.units import DURATION_UNITS


@dataclass(frozen=True, slots=True)
class ExplainedPerson:
    """The options. authenticated, mfa: how long ago, None: never. methods: RFC 8176. login: an id, "" for none."""

    user: str | None
    groups: tuple[str, ...]
    authenticated: str
    mfa: str | None
    methods: tuple[str, ...]
    risk: int | None
    credential: str
    client: str
    scopes: tuple[str, ...]
    login: str

    def actor(self, config: Config | None, now: int) -> tuple[Actor | None, str]:
        """None: an anonymous client. And the address that a live login is known to come from, else ""."""
        if (self.credential in (SESSION, API_KEY)) == bool(self.client) or (self.scopes and self.credential == SESSION):
            raise click.BadParameter(
                "a token has a client, a session or an API key has none, and a session no scopes",
                param_hint="--client",
            )
        if self.login:
            return self._live(config)
        if self.user is None and not self.client:
            return None, ""
        user = own_user(self.client) if self.user is None else self.user
        bound = self.credential == "dpop"
        groups, scopes = frozenset(self.groups), frozenset(self.scopes)
        return Actor(user, groups, self._proven(now), self.credential, self.client, scopes, bound), ""

    def _proven(self, now: int) -> Assurance:
        mfa_at = 0 if self.mfa is None else now - seconds(self.mfa)
        usual = PWD | OTP if mfa_at else PWD
        return Assurance(
            now - seconds(self.authenticated),
            mfa_at,
            bits_of(self.methods) if self.methods else usual,
            UNKNOWN_RISK if self.risk is None else self.risk,
        )

    def _live(self, config: Config | None) -> tuple[Actor, str]:
        from gateway.cli._people import act
        from gateway.flows.people.account import login_id_of
        from gateway.flows.people.users import UnknownLogin

        user, login_id = self.user, login_id_of(self.login)
        if user is None or login_id is None or self.groups or self.credential != SESSION:
            raise click.BadParameter(
                "expected --user and an id that `bastion user sessions` shows, without --group and --credential",
                param_hint="--login",
            )
        if config is None:
            raise click.UsageError("--login needs a configuration; leave out --auth-url")
        shown = act(config, lambda admin: admin.show(user))
        for one in shown.logins:
            if one.id == login_id:
                return Actor(shown.user.username, frozenset(shown.user.groups), one.assurance), one.address
        raise UnknownLogin(f"{user} has no such login; `bastion user sessions {user}` lists them")


def seconds(text: str) -> int:
    if not text[:-1].isdigit() or text[-1:] not in DURATION_UNITS:
        raise click.BadParameter(f"{text}: expected a duration such as 30s, 10m, 2h or 1d")
    return int(text[:-1]) * DURATION_UNITS[text[-1]]
