"""A condition with the truth of each of its parts, and the words for it."""

from dataclasses import dataclass
from typing import Final, Literal

from gateway.core.policy.conditions import (
    All,
    Any,
    Anyone,
    Authenticated,
    BringsToken,
    Clients,
    Condition,
    Groups,
    Networks,
    Nobody,
    Not,
    Scopes,
    Truth,
    Until,
    Users,
)
from gateway.core.policy.facts import Facts

SAID: Final = {Truth.YES: "yes", Truth.NO: "no", Truth.ASK: "not known yet", Truth.NOWHERE: "address not known"}


@dataclass(frozen=True, slots=True)
class ConditionTree:
    """words: of a leaf, "" of what has parts."""

    truth: Truth
    words: str = ""
    joint: Literal["", "and", "or", "not"] = ""
    parts: "tuple[ConditionTree, ...]" = ()

    @property
    def said(self) -> str:
        return SAID[self.truth]

    @property
    def text(self) -> str:
        """In one line, each leaf with its truth."""
        parts = [part.text for part in self.parts]
        match self.joint:
            case "and":
                return " and ".join(parts)
            case "or":
                return f"({' or '.join(parts)})"
            case "not":
                return f"not ({parts[0]})"
            case _:
                return f"{self.words}: {self.said}"


def tree_of(condition: Condition, facts: Facts) -> ConditionTree:
    """As it holds of these facts."""
    truth = condition.holds(facts)
    match condition:
        case All(parts):
            return ConditionTree(truth, "", "and", tuple(tree_of(part, facts) for part in parts))
        case Any(parts):
            return ConditionTree(truth, "", "or", tuple(tree_of(part, facts) for part in parts))
        case Not(part):
            return ConditionTree(truth, "", "not", (tree_of(part, facts),))
        case _:
            return ConditionTree(truth, _leaf(condition))


def worded(condition: Condition) -> str:
    """In one line, without a truth."""
    match condition:
        case All(parts):
            return " and ".join(map(worded, parts))
        case Any(parts):
            return f"({' or '.join(map(worded, parts))})"
        case Not(part):
            return f"not ({worded(part)})"
        case _:
            return _leaf(condition)


def _leaf(
    condition: Anyone | Nobody | Authenticated | Users | Groups | Clients | Scopes | Networks | BringsToken | Until,
) -> str:
    match condition:
        case Anyone():
            return "anyone"
        case Nobody():
            return "nobody"
        case Authenticated():
            return "authenticated"
        case Users(names, captured) | Groups(names, captured):
            kind = "users" if isinstance(condition, Users) else "groups"
            return f"{kind} {' '.join([*sorted(names), *(f'{{{name}}}' for name in captured)])}"
        case Clients(names):
            return f"clients {' '.join(sorted(names))}"
        case Scopes(names):
            return f"scopes {' '.join(sorted(names))}"
        case Networks(names):
            return f"networks {' '.join(names)}"
        case BringsToken(token):
            return f"app token {token.name}"
        case Until(day):
            return f"until {day}"
