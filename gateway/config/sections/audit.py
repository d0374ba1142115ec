"""Owns the section `audit`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration, WebhookUrl


class AuditSection(Section):
    """The audit log is in the database. Signed checkpoints prove that it is whole."""

    checkpoint_dir: Path | None = setting(
        None,
        "Where checkpoints are written; empty means nowhere.",
        "a directory",
        example="/var/lib/bastion/checkpoints",
    )
    checkpoint_webhook: WebhookUrl = setting(
        "",
        "Bastion also posts each checkpoint there. Choose a host out of reach of this node's administrators. "
        "Empty means nowhere.",
        "a URL such as https://keep.example.org/bastion, without user and password",
        secret=True,
        example="https://keep.example.org/bastion",
    )
    webhook_bearer: Annotated[StrictStr, Field(pattern=r"^([A-Za-z0-9._~+/-]{16,512}=*)?$")] = setting(
        "",
        "The bearer token for the webhook. Set it with the _FILE variable.",
        "16 to 512 of letters, digits and . _ ~ + / -",
        secret=True,
    )
    webhook_timeout_s: Annotated[Duration, Field(ge=1, le=60)] = setting(
        "10s", "A slower answer counts as a failed delivery.", "a duration from 1s to 60s"
    )

    def findings(self) -> Iterator[Finding]:
        webhook = "audit.checkpoint_webhook"
        if self.checkpoint_webhook and self.checkpoint_dir is None:
            yield Finding(
                webhook, "needs audit.checkpoint_dir, because it posts those checkpoints; expected both", Grade.WRONG
            )
        if self.webhook_bearer and not self.checkpoint_webhook:
            message = "has no effect without audit.checkpoint_webhook; expected both"
            yield Finding("audit.webhook_bearer", message, Grade.WRONG)
        if urlsplit(self.checkpoint_webhook).scheme == "http":
            yield Finding(webhook, "sends its path and its bearer token in clear text; expected https://")
