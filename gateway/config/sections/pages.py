"""Owns the section `pages`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictStr

from gateway.config.setting import Section, setting
from gateway.config.values import Contact, HelpUrl


class Pages(Section):
    """Your name, logo and help on Bastion's pages, on the auth host and on protected hosts."""

    name: Annotated[StrictStr, Field(pattern=r"^[^\p{C}\p{Z}]([^\p{C}\p{Zl}\p{Zp}]{0,58}[^\p{C}\p{Z}])?$")] = setting(
        "Bastion",
        "The name on each page, beside the logo and in the title.",
        "1 to 60 printable characters",
    )
    logo: Path | None = setting(
        None,
        "The logo on each page. Bastion serves it. A relative path starts at this file.",
        "an SVG or PNG file of at most 64 KiB",
        example="logo.svg",
    )
    help_url: HelpUrl = setting(
        "",
        "Your help for people who can't get in. The login page and each refusal link it.",
        "a URL such as https://help.example.com/login, or nothing",
        example="https://help.example.com/login",
    )
    contact: Contact = setting(
        "",
        "The contact for people who can't get in. /.well-known/security.txt names it too, and promises that you "
        "acknowledge a report within 48 hours.",
        "an e-mail address, a URL with https:// or a number such as tel:+4930123456, or nothing",
        example="help@example.com",
    )
