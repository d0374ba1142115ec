"""Knows names under which strangers register theirs."""

from functools import cache

from publicsuffixlist import PublicSuffixList


def is_public_suffix(name: str) -> bool:
    """name: a canonical host. False for one that the list does not know, such as a company's own."""
    return _list().publicsuffix(name) == name


@cache
def _list() -> PublicSuffixList:
    """Read once: it takes longer than a policy."""
    return PublicSuffixList(accept_unknown=False)
