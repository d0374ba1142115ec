"""Owns the section `log`."""

from typing import Literal

from gateway.config.setting import Section, setting


class Log(Section):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "", "debug, info, warning or error")
    format: Literal["json", "console"] = setting("json", "console is for reading by people.", "json or console")
    decisions: Literal["none", "refused", "all"] = setting(
        "refused",
        "Which decisions are logged, one line each; of strangers who are refused 200 a second for each worker.",
        "none, refused or all",
    )
