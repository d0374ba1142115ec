"""Owns the section `pages`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictStr

from gateway.config.setting import Section, setting
from gateway.config.values import Contact, HelpUrl


class Pages(Section):
    """What Bastion's pages say of the organization that runs it, on the auth host and on protected hosts."""

    name: Annotated[StrictStr, Field(pattern=r"^[^\p{C}\p{Z}]([^\p{C}\p{Zl}\p{Zp}]{0,58}[^\p{C}\p{Z}])?$")] = setting(
        "Bastion",
        "Shown on each page, beside the logo and in the title.",
        "1 to 60 printable characters",
    )
    logo: Path | None = setting(
        None,
        "Shown on each page instead of Bastion's own. Bastion serves it. Relative to this file.",
        "an SVG or PNG file of at most 64 KiB",
        example="logo.svg",
    )
    help_url: HelpUrl = setting(
        "",
        "A page of yours for people who can't get in, linked from the login page and from each refusal.",
        "a URL such as https://help.example.com/login, or nothing",
        example="https://help.example.com/login",
    )
    contact: Contact = setting(
        "",
        "Who helps people who can't get in. It is in /.well-known/security.txt too, with the promise that you "
        "acknowledge a report within 48 hours.",
        "an e-mail address, a URL with https:// or a number such as tel:+4930123456, or nothing",
        example="help@example.com",
    )
