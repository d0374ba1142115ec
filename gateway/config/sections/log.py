"""Owns the section `log`."""

from typing import Literal

from gateway.config.setting import Section, setting


class Log(Section):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "", "debug, info, warning or error")
    format: Literal["json", "console"] = setting("json", "console is for people to read.", "json or console")
    decisions: Literal["none", "refused", "all"] = setting(
        "refused",
        "Which decisions are logged, one line each. Of refused anonymous requests, a worker logs 200 a second.",
        "none, refused or all",
    )
