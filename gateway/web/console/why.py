"""An explanation as the console draws it: each condition with yes, no or unknown."""

from collections.abc import Mapping, Sequence

from gateway.core.analysis.condition_tree import ConditionTree
from gateway.core.analysis.explain import answer_words, route_words
from gateway.core.analysis.explanation import ExplainedRoute, Explanation, limit_words
from gateway.core.policy.conditions import Truth
from gateway.core.policy.places import Place
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

SOURCE_PATH = f"{CONSOLE_PATH}/policy/source"
_JOINTS = {"and": "all of", "or": "any of", "not": "not"}


def drawn(found: Explanation, *, with_paths: bool) -> Mapping[str, object]:
    """with_paths: what of the request's path the conditions use."""
    return {
        "no_route": shown(route_words(found.simulated)),
        "answer": shown(answer_words(found.simulated)),
        "routes": [_route(one, with_paths=with_paths) for one in found.routes],
        "version": found.version,
    }


def place_of(place: Place) -> Mapping[str, object]:
    return {"text": f"{place.file}:{place.line}", "path": f"{SOURCE_PATH}/{place.file}#L{place.line}"}


def _route(found: ExplainedRoute, *, with_paths: bool) -> Mapping[str, object]:
    route = found.route
    return {
        "name": route.name,
        "place": place_of(route.place),
        "paths": shown(", ".join(map(str, route.paths))),
        "captures": [(name, shown(value)) for name, value in found.captures.items()] if with_paths else [],
        "ended": shown(found.ended),
        "denials": [
            {"tree": _tree(one.tree), "place": place_of(one.place), "fires": one.fires} for one in found.denials
        ],
        "legs": [
            {
                "name": leg.name,
                "tree": _tree(leg.tree),
                "required": leg.required,
                "place": place_of(leg.place),
                "word": leg.word.replace("_", " "),
            }
            for leg in found.legs
        ],
        "limits": limit_words(route.limits),
        "app_tokens": bool(route.app_tokens),
    }


def _tree(tree: ConditionTree) -> Sequence[Mapping[str, object]]:
    """A list of one, for the template's loop."""
    known = {Truth.YES: "yes", Truth.NO: "no"}
    return [
        {
            "words": shown(tree.words) or _JOINTS[tree.joint],
            "said": tree.said,
            "kind": known.get(tree.truth, "unknown"),
            "parts": [one for part in tree.parts for one in _tree(part)],
        }
    ]
