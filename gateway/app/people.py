"""Puts together what people do on the auth host: log in, pass on to a host, log out, see where they are signed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from aiohttp import web

from gateway.app.authorizing import answers_of, enrolment_of, gate_of
from gateway.app.concern import Concern, every, once
from gateway.app.counters import breach_counter, counter
from gateway.config import Config
from gateway.config.sections.limits import FACTOR_LIMIT, FORGOT_LIMIT, LINK_LIMIT, PASSWORD_CHANGE_LIMIT
from gateway.core.login.outcome import LoginRules
from gateway.core.mail.links import ENDS, LinkKind
from gateway.core.ratelimit.slots import BucketNames
from gateway.figures import FACTOR_CHECKS, LOGIN_OUTCOMES
from gateway.flows.decide.decisions import Decisions
from gateway.flows.evidence.tallies import IMPLAUSIBLE_NAME, Tallies
from gateway.flows.keys.key_ring import KeyRing
from gateway.flows.oauth.app_logout import AppLogout
from gateway.flows.oauth.authorize import Authorize
from gateway.flows.oauth.grants import Apps
from gateway.flows.operate.leader import Job
from gateway.flows.people.account import Account
from gateway.flows.people.api_keys import KeyMaker
from gateway.flows.people.breaches import Breaches
from gateway.flows.people.confirm_login import ConfirmLogin
from gateway.flows.people.confirming import Confirming
from gateway.flows.people.disown import KINDS, Disown
from gateway.flows.people.email_change import EmailChange
from gateway.flows.people.end_links import EndLinks
from gateway.flows.people.factor_proofs import FactorProofs
from gateway.flows.people.factor_resets import FactorRemoval, FactorResets, KeepFactors
from gateway.flows.people.forced_change import ForcedChange
from gateway.flows.people.handoff import Handoff
from gateway.flows.people.importing import ImportedPace
from gateway.flows.people.issuing import Issuing, Lifetimes
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.login import Login
from gateway.flows.people.logout import Logout
from gateway.flows.people.named_links import NamedLinks
from gateway.flows.people.new_passwords import NewPasswords
from gateway.flows.people.own_activity import OwnActivity
from gateway.flows.people.own_enrolment import OwnEnrolment
from gateway.flows.people.own_factors import OwnFactors
from gateway.flows.people.own_keys import OwnKeys
from gateway.flows.people.own_passkeys import OwnPasskeys
from gateway.flows.people.passkey_proofs import PasskeyProofs
from gateway.flows.people.passkey_sign_in import PasskeySignIn
from gateway.flows.people.password_change import PasswordChange
from gateway.flows.people.recovery import LinkLimits, Recovery
from gateway.flows.people.releasing import Releasing
from gateway.flows.people.remembered import OwnMemory
from gateway.flows.people.risk import Risk
from gateway.flows.people.second_step import SecondStep
from gateway.flows.people.step_up import StepUpFlow
from gateway.flows.people.throttle import ChangeThrottle, FactorThrottle, LoginThrottle
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.people.unlocking import Unlocking
from gateway.metrics import Slot
from gateway.resources import Resources, breaches_of, notices_of, random_bytes
from gateway.stores.files.journal import Journal
from gateway.stores.redis.buckets import Buckets
from gateway.web import (
    account,
    activity,
    api_keys,
    apps,
    confirm,
    devices,
    disown,
    documents,
    email,
    end_links,
    enrol,
    keep_factors,
    login,
    login_change,
    login_verify,
    logout,
    passkey_login,
    password,
    recovery,
    release,
    security,
    step_up,
    unlock,
)
from gateway.web.browser import Browser
from gateway.web.login_pages import LoginPages
from gateway.web.oauth import logout as app_logout
from gateway.web.ways import Ways

_JOURNAL_S: Final = 5.0
_PACE_S: Final = 60.0
_ATTEMPTS_S: Final = 10.0
_LOCKOUTS_S: Final = 3600.0
_RESETS_S: Final = 10.0
_LOG: Final = structlog.stdlib.get_logger("gateway.app")


def people(
    *,
    config: Config,
    resources: Resources,
    slot: Slot,
    decisions: Decisions,
    browser: Browser,
    authorize: Authorize,
    ring: KeyRing,
    risk: Risk,
    tallies: Tallies,
    buckets: Buckets,
) -> Concern:
    unknown_names = UnknownNames(resources.acts)
    ending = _logout(config=config, resources=resources, slot=slot)
    gate = gate_of(config)
    passing_on = Handoff(
        resources.acts, config.keys(), lambda: decisions.policy, random_bytes, enrolment_of(config), gate
    )
    apps_ending = AppLogout(
        config.keys(), lambda: ring.current.verification, lambda: decisions.policy, config.public_url, random_bytes
    )
    maker = KeyMaker(config.keys(), lambda: decisions.policy, random_bytes, notices_of(config))
    access = Apps(resources.acts, config.keys(), lambda: decisions.policy)
    limits, notices = config.login_limits(), notices_of(config)
    throttle = LoginThrottle(buckets, lambda: limits)
    lockouts = Lockouts(
        resources.acts, config.keys(), config.lockout.rules(), risk.rules.remember_s, notices_of(config)
    )
    breaches = breaches_of(config, breach_counter(slot, config.breach.source))
    proving = _proving(
        config=config,
        resources=resources,
        slot=slot,
        unknown_names=unknown_names,
        throttle=throttle,
        lockouts=lockouts,
        risk=risk,
        breaches=breaches,
        tallies=tallies,
        buckets=buckets,
    )
    factors = OwnFactors(resources.acts, config.keys(), random_bytes, notices)
    pages = LoginPages(
        browser,
        Ways(browser, passing_on, authorize, factors, config.console_rules().need),
        proving.step_up,
        proving.passkeys.proofs,
        OwnEnrolment(resources.acts, enrolment_of(config)),
        recovers=config.mail.is_on,
    )
    resets = FactorResets(resources.acts, FactorRemoval(config.keys(), notices))
    new_passwords = NewPasswords(resources.passwords, config.password_rules(), breaches)
    changing = PasswordChange(
        resources.acts,
        new_passwords,
        throttle,
        lockouts,
        ChangeThrottle(buckets, BucketNames(config.keys().bucket), config.limit(PASSWORD_CHANGE_LIMIT)),
        config.keys(),
        notices,
    )

    pace = ImportedPace(resources.acts, resources.passwords)

    async def complete_journal() -> None:
        completed = await ending.complete()
        if completed:
            _LOG.info("logouts that Postgres missed are in it now", count=completed)

    return Concern(
        routes=(
            *login.routes(pages, proving.login),
            *passkey_login.routes(pages, proving.passkeys),
            *login_verify.routes(pages, proving.second),
            *login_change.routes(
                pages, ForcedChange(resources.acts, new_passwords, risk, proving.second.issuing, changing.changes)
            ),
            *step_up.routes(pages),
            *confirm.routes(browser, ConfirmLogin(resources.acts, proving.second.confirming, proving.second.throttle)),
            *enrol.routes(pages),
            *documents.routes(pages, answers_of(config, resources.acts, buckets)),
            *security.routes(browser, factors, OwnPasskeys(factors, proving.passkeys.proofs)),
            *logout.routes(browser, ending, apps_ending),
            *app_logout.routes(browser, ending, apps_ending),
            *account.routes(browser, Account(resources.acts, config.keys(), risk.geoip), access),
            *activity.routes(browser, OwnActivity(resources.acts, risk.geoip)),
            *apps.routes(browser, access, lambda: decisions.policy),
            *password.routes(browser, changing),
            *_recovery(
                config=config,
                resources=resources,
                browser=browser,
                new=new_passwords,
                names=unknown_names,
                risk=risk,
                second=proving.second,
                lockouts=lockouts,
                buckets=buckets,
            ),
            *devices.routes(browser, OwnMemory(resources.acts, risk.rules.remember_s)),
            *api_keys.routes(browser, OwnKeys(resources.acts, maker), lambda: decisions.policy),
        ),
        jobs=(
            Job("unknown_names", unknown_names.work),
            Job("attempts", proving.second.purge, every_s=_ATTEMPTS_S),
            Job("factor_resets", resets.work, every_s=_RESETS_S),
            Job("lockouts", lockouts.purge, every_s=_LOCKOUTS_S),
        ),
        before=(partial(once, pace.keep),),
        beside=(partial(every, _JOURNAL_S, complete_journal), partial(every, _PACE_S, pace.keep)),
    )


def _recovery(
    *,
    config: Config,
    resources: Resources,
    browser: Browser,
    new: NewPasswords,
    names: UnknownNames,
    risk: Risk,
    second: SecondStep,
    lockouts: Lockouts,
    buckets: Buckets,
) -> Iterable[web.RouteDef]:
    """Nothing where there is no way for mail: nobody could get a link."""
    if not config.mail.is_on:
        return ()
    acts, keys, notices = resources.acts, config.keys(), notices_of(config)
    limits = LinkLimits(buckets, BucketNames(keys.bucket), config.limit(FORGOT_LIMIT), config.limit(LINK_LIMIT))
    recovering = Recovery(acts, new, notices, limits, names, keys, second.proofs, second.throttle)
    changing = EmailChange(acts, notices, limits, keys)
    unlocks = NamedLinks(acts, limits, (LinkKind.UNLOCK,))
    return (
        *recovery.routes(browser, recovering),
        *disown.routes(browser, Disown(NamedLinks(acts, limits, KINDS), notices, keys, risk)),
        *release.routes(browser, Releasing(NamedLinks(acts, limits, (LinkKind.RELEASE,)))),
        *unlock.routes(browser, Unlocking(unlocks, lockouts, keys, random_bytes)),
        *keep_factors.routes(browser, KeepFactors(NamedLinks(acts, limits, (LinkKind.KEEP_FACTORS,)))),
        *(
            route
            for kind in ENDS
            for route in end_links.routes(browser, kind, EndLinks(NamedLinks(acts, limits, (kind,)), keys))
        ),
        *email.routes(browser, changing),
    )


@dataclass(frozen=True, slots=True)
class _Proving:
    """All that proves who somebody is."""

    login: Login
    second: SecondStep
    step_up: StepUpFlow
    passkeys: PasskeySignIn


def _proving(
    *,
    config: Config,
    resources: Resources,
    slot: Slot,
    unknown_names: UnknownNames,
    throttle: LoginThrottle,
    lockouts: Lockouts,
    risk: Risk,
    breaches: Breaches,
    tallies: Tallies,
    buckets: Buckets,
) -> _Proving:
    sessions, keys, acts = config.sessions, config.keys(), resources.acts
    lifetimes = Lifetimes(
        sessions.idle_s, sessions.absolute_s, sessions.remembered_idle_s, sessions.remembered_absolute_s
    )
    issuing = Issuing(keys, lifetimes, config.auth_host, risk, random_bytes, notices_of(config))
    count = counter(slot, "bastion_logins", LOGIN_OUTCOMES)
    by_person = FactorThrottle(buckets, BucketNames(keys.bucket), config.limit(FACTOR_LIMIT))
    checked = counter(slot, "bastion_factor_checks", FACTOR_CHECKS)
    passkeys = PasskeyProofs(keys.challenge, config.relying_party(), random_bytes, checked)
    proofs = FactorProofs(keys, passkeys, lockouts, checked, notices_of(config))
    confirming = Confirming(keys, random_bytes, notices_of(config))
    return _Proving(
        Login(
            acts,
            resources.passwords,
            throttle,
            lockouts,
            unknown_names,
            risk,
            issuing,
            confirming,
            _rules(config),
            count,
            breaches,
            partial(tallies.count_attempt, IMPLAUSIBLE_NAME, config.auth_host),
        ),
        SecondStep(acts, proofs, risk, issuing, confirming, by_person, _rules(config), count),
        StepUpFlow(acts, resources.passwords, proofs, risk, issuing, throttle, lockouts, by_person, count),
        PasskeySignIn(acts, passkeys, risk, issuing, throttle, count),
    )


def _logout(*, config: Config, resources: Resources, slot: Slot) -> Logout:
    sessions = config.sessions
    return Logout(
        resources.acts,
        config.keys(),
        Journal(config.data_dir / "ended-logins.jsonl"),
        max(sessions.absolute_s, sessions.remembered_absolute_s),
        slot.cell("bastion_logouts").add,
    )


def _rules(config: Config) -> LoginRules:
    section = config.risk
    return LoginRules(
        config.mfa.ask,
        section.step_up_at,
        section.block_at,
        section.without_factor,
        breached=config.breach.at_login,
        release=section.release,
    )
