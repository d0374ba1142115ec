"""What an operator published, and what people answered. Rows are added and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from gateway.core.privacy.documents import DocumentAction, DocumentAnswer, DocumentKind, PublishedDocument
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_ADD: Final = """
    INSERT INTO consent_documents (kind, version, language, text, digest, required_from, again_after_s, published_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_LIST: Final = """
    SELECT d.kind, d.version, d.language, d.text, d.digest, d.required_from, d.again_after_s, d.published_at,
           r.retired_at IS NOT NULL AS retired
      FROM consent_documents d LEFT JOIN consent_retired r USING (kind, version)
     ORDER BY d.published_at, d.kind, d.version, d.language
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_EXISTS: Final = "SELECT 1 FROM consent_documents WHERE kind = $1 AND version = $2 LIMIT 1"
_RETIRE: Final = """
    INSERT INTO consent_retired (kind, version, retired_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING kind
"""
_ANSWERS: Final = """
    SELECT DISTINCT ON (kind, version) kind, version, action, at FROM consent_records
     WHERE user_id = $1 ORDER BY kind, version, id DESC
"""
_RECORD: Final = """
    INSERT INTO consent_records (user_id, kind, version, language, digest, action, at, login, sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_COUNTS: Final = """
    SELECT kind, version, action, count(*) AS people FROM (
        SELECT DISTINCT ON (user_id, kind, version) kind, version, action FROM consent_records
         ORDER BY user_id, kind, version, id DESC) latest
     GROUP BY kind, version, action
"""


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """Of how many people this is the latest answer."""

    kind: DocumentKind
    version: str
    action: DocumentAction
    people: int


class Documents:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def lock(self) -> None:
        """Nobody else publishes until the transaction ends."""
        await self._connection.execute(_LOCK, locks.DOCUMENTS)

    async def has(self, kind: DocumentKind, version: str) -> bool:
        return await self._connection.fetchval(_EXISTS, kind.value, version) is not None

    async def add(self, document: PublishedDocument) -> None:
        """All its languages."""
        for language, text in sorted(document.texts.items()):
            await self._connection.execute(
                _ADD,
                document.kind.value,
                document.version,
                language,
                text,
                document.digests[language],
                document.required_from,
                document.again_after_s,
                document.published_at,
            )

    async def retire(self, kind: DocumentKind, version: str, now: int) -> bool:
        """False: it was so already."""
        return await self._connection.fetchval(_RETIRE, kind.value, version, now) is not None

    async def list(self) -> list[PublishedDocument]:
        """The oldest first, also those that are retired."""
        found: dict[tuple[str, str], PublishedDocument] = {}
        for row in await self._connection.fetch(_LIST):
            at = (row["kind"], row["version"])
            before = found.get(at)
            texts = {} if before is None else dict(before.texts)
            digests = {} if before is None else dict(before.digests)
            texts[row["language"]], digests[row["language"]] = row["text"], row["digest"]
            found[at] = PublishedDocument(
                DocumentKind(row["kind"]),
                row["version"],
                texts,
                digests,
                row["required_from"],
                row["again_after_s"],
                row["published_at"],
                row["retired"],
            )
        return list(found.values())

    async def answers(self, user_id: UUID) -> Sequence[DocumentAnswer]:
        """The latest to each version."""
        rows = await self._connection.fetch(_ANSWERS, user_id)
        return [
            DocumentAnswer(DocumentKind(row["kind"]), row["version"], DocumentAction(row["action"]), row["at"])
            for row in rows
        ]

    async def record(
        self,
        user_id: UUID,
        document: PublishedDocument,
        language: str,
        action: DocumentAction,
        now: int,
        login: str,
        where: tuple[str, str],
    ) -> None:
        """where: address and browser, which only the person's key opens."""
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(Place("consent_records", "sealed", user_id), {"address": where[0], "user_agent": where[1]})
        await self._connection.execute(
            _RECORD,
            user_id,
            document.kind.value,
            document.version,
            language,
            document.digests[language],
            action.value,
            now,
            login,
            sealed,
        )

    async def counts(self) -> Sequence[AnswerCount]:
        return [
            AnswerCount(DocumentKind(row["kind"]), row["version"], DocumentAction(row["action"]), row["people"])
            for row in await self._connection.fetch(_COUNTS)
        ]


def digest_of(text: str) -> bytes:
    """SHA-256."""
    return sha256(text.encode()).digest()
