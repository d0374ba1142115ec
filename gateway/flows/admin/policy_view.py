"""What the console shows of the policy in force: routes, source, doubts, and its answer to a request that is tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.analysis.explanation import Explanation, explanation
from gateway.core.analysis.lint import lint
from gateway.core.analysis.precedence import LookedUp, in_precedence
from gateway.core.analysis.tried import tried
from gateway.core.analysis.warning import PolicyWarning
from gateway.flows.act import Acts
from gateway.flows.policy.policies import Policies
from gateway.scheduling import LongWork


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """refused: what is wrong with newer files, "" where nothing is. files: their names."""

    version: str
    refused: str
    hosts: Sequence[LookedUp]
    findings: Sequence[PolicyWarning]
    files: Sequence[str]


@dataclass(frozen=True, slots=True)
class AdminPolicy:
    """Of this worker. Nothing is sent, spent or stored."""

    acts: Acts
    policies: Policies
    long_work: LongWork

    async def show(self) -> PolicyShown:
        """Decisions go on beside it: ten thousand routes take a second."""
        loaded, now = self.policies.in_force, self.acts.clock()
        hosts, findings = await self.long_work.aside(lambda: (in_precedence(loaded.policy), lint(loaded.policy, now)))
        return PolicyShown(loaded.policy.version, self.policies.refused, hosts, findings, sorted(loaded.sources))

    def source(self, file: str) -> Sequence[str] | None:
        """Its lines. None: there is no such file."""
        text = self.policies.in_force.sources.get(file)
        return None if text is None else text.splitlines()

    async def try_out(self, fields: Mapping[str, str]) -> Explanation:
        """Raises BadTry, and RecordUnavailable where a person's own groups are asked for."""
        groups, user = frozenset[str](), fields.get("user", "").strip()
        if user and not fields.get("groups", "").strip():
            async with self.acts.begin() as act:
                found = await act.users.find_by_name(user)
            groups = frozenset() if found is None else frozenset(found.groups)
        return explanation(self.policies.in_force.policy, tried(fields, groups, self.acts.clock()))
