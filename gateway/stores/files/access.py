"""Finds out whether the account that we run as can use a directory."""

import os
from pathlib import Path

from gateway.stores.reasons import account


def trouble_with(directory: Path, *, writes: bool) -> str:
    """Why it can't be used; "" where it can. Read only: it has to be there. Nothing is written to find out."""
    try:
        if directory.exists():
            return _trouble_with_existing(directory, writes=writes)
    except OSError as error:  # a directory on the way there is closed to us
        return f"{directory} can't be looked at by the account {account()}: {error.strerror}"
    if not writes:
        return f"{directory} does not exist"
    nearest = next(parent for parent in directory.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return f"{directory} does not exist, and the account {account()} can't make it in {nearest}"
    return ""


def _trouble_with_existing(directory: Path, *, writes: bool) -> str:
    if not directory.is_dir():
        return f"{directory} is no directory"
    if not os.access(directory, os.R_OK | os.X_OK):
        return f"{directory} can't be read by the account {account()}"
    if writes and not os.access(directory, os.W_OK):
        return f"{directory} can't be written by the account {account()}"
    return ""
