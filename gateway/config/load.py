"""Owns the way from a file and the environment to a Config, and the words for everything that is wrong with them."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from gateway.config.complaints import complaint, unreplaced
from gateway.config.development import DEVELOPMENT_PEPPER, DEVELOPMENT_SECRETS
from gateway.config.environment import Override, overrides
from gateway.config.fields import key_at, sections
from gateway.config.judge import judge
from gateway.config.model import Config
from gateway.config.sections.limits import DEFAULT_LIMITS
from gateway.config.setting import NO_KEY, Grade
from gateway.core.errors import GatewayError
from gateway.core.yaml_faults import unspaced
from gateway.core.yaml_marks import Marked, MarkedList, MarkedMap, MarkedScalar, YamlProblem, load_marked, plain

Path_ = tuple[str, ...]
_CANDIDATES: Final = (Path("config.yaml"), Path("/etc/bastion/config.yaml"))
_TOO_SHORT: Final = "too_short"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """place: file:line:column, or the name of an environment variable."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigRejected(GatewayError):
    """Holds every mistake, not only the first."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        self.problems = tuple(sorted(problems, key=_reading_order))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Loaded:
    """warnings: what only the dev profile lets pass. doubts: what every profile lets pass, and may not be meant.

    path: None when everything came from the environment.
    """

    config: Config
    warnings: tuple[ConfigProblem, ...]
    doubts: tuple[ConfigProblem, ...]
    path: Path | None


@dataclass(slots=True)
class _Sources:
    """The merged document, and where each of its values comes from."""

    path: Path | None
    root: Marked = field(default_factory=lambda: MarkedMap(1, 1, ()))
    tree: dict[str, object] = field(default_factory=dict)
    overridden: dict[Path_, str] = field(default_factory=dict)

    def place(self, path: Path_) -> str:
        """The nearest value that exists: a missing key is shown at its section."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.overridden:
                return self.overridden[path[:length]]
        if self.path is None:
            return "environment"
        marked = _mark(self.root, path)
        return f"{self.path}:{marked.line}:{marked.column}"

    def key_place(self, path: Path_) -> str:
        """Where the last step of path is written as a key."""
        above: Marked | None = self.root
        for step in path[:-1]:
            above = above.get(step) if isinstance(above, MarkedMap) else None
        key = above.key(path[-1]) if isinstance(above, MarkedMap) else None
        return self.place(path) if key is None else f"{self.path}:{key.line}:{key.column}"


def _reading_order(problem: ConfigProblem) -> tuple[int, ...]:
    """The environment first, then the file from its top."""
    return tuple(int(part) for part in problem.place.split(":")[1:] if part.isdigit())


def load_config(path: Path | None = None, *, dev: bool = False, environ: Mapping[str, str] = os.environ) -> Loaded:
    """path: None means BASTION_CONFIG, else ./config.yaml, else /etc/bastion/config.yaml, else only the environment.

    dev: as if the profile were dev. Raises ConfigRejected with all mistakes.
    """
    sources = _read(path or _find(environ))
    try:
        return _judged(sources, environ, dev=dev)
    except ConfigRejected as rejected:
        if sources.path is not None:
            raise
        raise ConfigRejected((_no_file(), *rejected.problems)) from None


def _judged(sources: _Sources, environ: Mapping[str, str], *, dev: bool) -> Loaded:
    """Raises ConfigRejected."""
    problems = list(_override(sources, environ))
    if dev:
        sources.tree["profile"] = "dev"
        sources.overridden[("profile",)] = "--dev"
    variables = dict(_unreplaced(sources, (), sources.tree))
    problems += variables.values()
    _complete(sources)
    try:
        config = Config.model_validate(sources.tree)
    except ValidationError as error:
        raise ConfigRejected((*problems, *_explain(sources, error, variables))) from None
    problems += _graded(sources, config, Grade.WRONG)
    unsafe = tuple(_graded(sources, config, Grade.UNSAFE))
    if problems or (unsafe and config.profile == "production"):
        raise ConfigRejected((*problems, *unsafe))
    doubts = tuple(_graded(sources, config, Grade.DOUBTFUL))
    return Loaded(_anchored(config, sources.path), unsafe, doubts, sources.path)


def _no_file() -> ConfigProblem:
    looked = " and ".join(str(candidate.absolute()) for candidate in _CANDIDATES)
    return ConfigProblem("no file", f"looked for {looked}; name another by --config or BASTION_CONFIG")


def _find(environ: Mapping[str, str]) -> Path | None:
    if environ.get("BASTION_CONFIG"):
        return Path(environ["BASTION_CONFIG"])
    return next((candidate for candidate in _CANDIDATES if candidate.exists()), None)


def _read(path: Path | None) -> _Sources:
    if path is None:
        return _Sources(None)
    try:
        root = load_marked(path.read_text(encoding="utf-8"), str(path))
    except YamlProblem as problem:
        raise ConfigRejected((ConfigProblem(f"{path}:{problem.line}:{problem.column}", problem.message),)) from problem
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigRejected((ConfigProblem(str(path), f"cannot be read: {error}"),)) from error
    tree = plain(root)
    if not isinstance(tree, dict):
        space = unspaced(root.text) if isinstance(root, MarkedScalar) else ""
        raise ConfigRejected((ConfigProblem(f"{path}:1:1", f"is no map; expected keys such as public_url{space}"),))
    return _Sources(path, root, {str(key): value for key, value in tree.items()})


def _override(sources: _Sources, environ: Mapping[str, str]) -> Iterator[ConfigProblem]:
    for found in overrides(environ):
        if not isinstance(found, Override):
            yield ConfigProblem(found.variable, found.message)
            continue
        sources.overridden[found.path] = found.variable
        inner = sources.tree
        for step in found.path[:-1]:
            deeper = inner.setdefault(step, {})
            if not isinstance(deeper, dict):
                deeper = inner[step] = {}
            inner = deeper
        inner[found.path[-1]] = found.value


def _complete(sources: _Sources) -> None:
    """Default limits, and in the dev profile the secrets and servers that production must name.

    A section that is written without anything below it is an empty one.
    """
    for name, value in list(sources.tree.items()):
        if value is None and (name == "limits" or name in sections()):
            sources.tree[name] = {}
    limits = sources.tree.setdefault("limits", {})
    if isinstance(limits, dict):
        sources.tree["limits"] = {**DEFAULT_LIMITS, **limits}
    if sources.tree.get("profile") == "dev":
        _default(sources, "database", {"url": "postgresql://postgres@127.0.0.1:5432/bastion"})
        _default(sources, "redis", {"url": "redis://127.0.0.1:6379/0"})
        _default(sources, "secrets", _development_secrets())
        _default(sources, "breach", {"source": "off"})


def _development_secrets() -> dict[str, object]:
    known = {name: urlsafe_b64encode(value).decode() for name, value in DEVELOPMENT_SECRETS.items()}
    return {**known, "master_keys": [known["master_keys"]], "peppers": {DEVELOPMENT_PEPPER: known["peppers"]}}


def _default(sources: _Sources, section: str, values: Mapping[str, object]) -> None:
    given = sources.tree.setdefault(section, {})
    if isinstance(given, dict):
        sources.tree[section] = {**values, **{key: value for key, value in given.items() if value not in (None, "")}}


def _unreplaced(sources: _Sources, path: Path_, value: object) -> Iterator[tuple[Path_, ConfigProblem]]:
    """Values of the file that name a variable: many of them would be taken as they are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from _unreplaced(sources, (*path, str(step)), inner)
    message = None if path in sources.overridden else unreplaced(path, value)
    if message is not None:
        yield path, ConfigProblem(sources.place(path), message)


def _explain(sources: _Sources, error: ValidationError, said: Container[Path_]) -> Iterator[ConfigProblem]:
    """One line for each key, however many ways pydantic has to say it; a list with wrong items is not wrong too.

    said: of which something is said already.
    """
    told: dict[Path_, tuple[str, object]] = {}
    for detail in error.errors(include_url=False, include_context=False):
        path = tuple(str(step) for step in detail["loc"] if step != "[key]")
        key = key_at(path)
        path = path if key is None or detail["type"] == NO_KEY else path[: len(key.path) + 1]
        told.setdefault(path, (str(detail["type"]), detail["input"]))
    for path, (kind, given) in told.items():
        if path in said or (kind == _TOO_SHORT and any(other[:-1] == path for other in told)):
            continue
        place = sources.key_place(path) if kind == NO_KEY else sources.place(path)
        yield ConfigProblem(place, complaint(path, kind, given))


def _graded(sources: _Sources, config: Config, grade: Grade) -> Iterator[ConfigProblem]:
    for finding in judge(config):
        if finding.grade is grade:
            place = sources.place(_path(finding.key))
            yield ConfigProblem(place, f"`{finding.key}` {finding.message}")


def _path(key: str) -> Path_:
    """A limit's name has a dot of its own."""
    section, *rest = key.split(".")
    return (section, ".".join(rest[:2]), *rest[2:]) if section == "limits" else (section, *rest)


def _mark(root: Marked, path: Path_) -> Marked:
    """The value at path for lists, the key for maps; the nearest one above where there is none."""
    found: Marked = root
    for step in path:
        if isinstance(root, MarkedMap) and (key := root.key(step)) is not None:
            found, root = key, root.get(step) or root
        elif isinstance(root, MarkedList) and step.isdigit() and int(step) < len(root.items):
            found = root = root.items[int(step)]
        else:
            return found
    return root if isinstance(root, MarkedScalar) else found


def _anchored(config: Config, path: Path | None) -> Config:
    """Relative directories belong to the file, not to where the command was started."""
    anchor = (path.resolve() if path is not None else Path.cwd() / "config.yaml").parent
    checkpoints = config.audit.checkpoint_dir
    keys = {"keys_dir": None if config.jwt.keys_dir is None else anchor / config.jwt.keys_dir}
    audit = {"checkpoint_dir": None if checkpoints is None else anchor / checkpoints}
    index = {"index": None if config.breach.index is None else anchor / config.breach.index}
    logo, geoip = config.pages.logo, config.risk.geoip
    risk = {
        "geoip": None if geoip is None else anchor / geoip,
        "anonymising_networks": tuple(anchor / path for path in config.risk.anonymising_networks),
    }
    letters, backups = config.mail.directory, config.backup.directory
    return config.model_copy(
        update={
            "data_dir": anchor / config.data_dir,
            "jwt": config.jwt.model_copy(update=keys),
            "policy": config.policy.model_copy(update={"directory": anchor / config.policy.directory}),
            "audit": config.audit.model_copy(update=audit),
            "backup": config.backup.model_copy(update={"directory": None if backups is None else anchor / backups}),
            "breach": config.breach.model_copy(update=index),
            "risk": config.risk.model_copy(update=risk),
            "mail": config.mail.model_copy(update={"directory": None if letters is None else anchor / letters}),
            "pages": config.pages.model_copy(update={"logo": None if logo is None else anchor / logo}),
        }
    )
