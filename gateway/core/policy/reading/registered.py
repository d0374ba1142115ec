"""Reads registered clients, which no file declares, by the same rules and beside the same definitions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.core.policy.client import Client
from gateway.core.policy.places import Page, Place, Problems
from gateway.core.policy.reading.clients import DeclaredClients
from gateway.core.policy.reading.settings import Definitions
from gateway.core.policy.secrets import not_read
from gateway.core.policy.site import Site
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar, YamlProblem, load_marked, plain

_SECRET = "secret"


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """settings: YAML or JSON, as the value of its name in `clients:`, but without a secret. file: names the text."""

    id: str
    settings: str
    secret_hash: bytes | None
    file: str = "settings"


@dataclass(frozen=True, slots=True)
class ReadClients:
    """left_out: why, by id."""

    read: Mapping[str, Client]
    left_out: Mapping[str, str]


def read_registered(
    registered: Iterable[RegisteredClient], declared: Mapping[str, Client], site: Site, names: Definitions
) -> ReadClients:
    """One that is wrong leaves the others alone: the policy's definitions may have changed since it was added."""
    read, left_out = dict[str, Client](), dict[str, str]()
    for one in registered:
        problems = Problems()
        found = _read(one, Page(one.file, problems), site, names)
        if one.id in declared:
            left_out[one.id] = f"`{one.id}` is declared at {declared[one.id].place}; expected another name"
        elif problems.found or found is None:
            left_out[one.id] = "\n".join(map(str, sorted(set(problems.found))))
        else:
            read[one.id] = replace(found, registered=True)
    return ReadClients(read, left_out)


def needs_secret(settings: object) -> bool:
    """Whether the client authenticates, and not by keys. settings: as plain() has them."""
    if not isinstance(settings, dict) or settings.get("type") not in ("web", "service"):
        return False
    return "jwks" not in settings and "jwks_uri" not in settings


def plain_settings(text: str, file: str) -> object:
    """Raises YamlProblem."""
    return plain(load_marked(text, file))


def _read(one: RegisteredClient, page: Page, site: Site, names: Definitions) -> Client | None:
    try:
        settings = load_marked(one.settings, one.file)
    except YamlProblem as bad:
        page.problems.add(Place(one.file, bad.line, bad.column), bad.message)
        return None
    clients = DeclaredClients(site, names, not_read)
    clients.add(page, MarkedMap(1, 1, ((_word(one.id), _with_secret(page, settings, one.secret_hash)),)))
    return clients.read.get(one.id)


def _with_secret(page: Page, settings: Marked, secret_hash: bytes | None) -> Marked:
    """As a file names the digest of one."""
    if not isinstance(settings, MarkedMap):
        return settings
    given = settings.key(_SECRET)
    if given is not None:
        page.say(given, "secret of a registered client, which Bastion makes itself; expected none; take it out")
    if given is not None or secret_hash is None:
        return settings
    digest = MarkedMap(1, 1, ((_word("sha256"), _word(secret_hash.hex())),))
    return MarkedMap(settings.line, settings.column, (*settings.entries, (_word(_SECRET), digest)))


def _word(text: str) -> MarkedScalar:
    return MarkedScalar(1, 1, text, plain=False)
