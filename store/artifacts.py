"""Content by its hash, and the revisioned working documents of a thread."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.actions import Ref
from core.canonical import sha256, storable_text
from core.errors import ToolError
from core.vocabulary import Trust
from store.database import Connection, Pool
from store.sql import query

_NAMED: Final = re.compile(r"[0-9a-f]{64}")
"""Other artifacts that a JSON text names, such as the pages of a fetch: they are kept as long as it is."""


@dataclass(frozen=True, slots=True)
class PostgresArtifacts:
    """core.ports.Artifacts over the `artifact` table. With a connection, inside that connection's transaction."""

    pool: Pool
    connection: Connection | None = None

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        text = storable_text(text)
        digest = sha256(text)
        row = {
            "tenant": tenant,
            "sha256": digest,
            "media": media,
            "source": source[:2000],
            "trust": trust,
            "content": text,
            "refers": sorted(set(_NAMED.findall(text))) if media == "application/json" else [],
        }
        if self.connection is not None:
            await self.connection.execute(query("artifact_put"), row)
        else:
            async with self.pool.connection() as connection:
                await connection.execute(query("artifact_put"), row)
        return Ref(sha256=digest, media=media, source=source, trust=trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        found = await self.find(tenant, sha256s)
        for digest in sha256s:
            if digest not in found:
                raise ToolError(f"Artifact {digest[:12]} is not in the store of {tenant}.", "missing_evidence")
        return found

    async def find(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        """As read, but what is not there is left out: for showing, not for deciding."""
        wanted = list(dict.fromkeys(sha256s))
        if not wanted:
            return {}
        async with self.pool.connection() as connection:
            cursor = await connection.execute(query("artifact_read"), {"tenant": tenant, "sha256s": wanted})
            return {row["sha256"]: row["content"] for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class PostgresDocuments:
    """core.ports.Documents on one connection, so that a save commits with the operation that made it."""

    connection: Connection
    tenant: str
    thread_id: str

    async def save(self, name: str, ref: Ref) -> int:
        row = {"thread_id": self.thread_id, "name": name, "tenant": self.tenant, "sha256": ref.sha256}
        saved = await (await self.connection.execute(query("document_save"), row)).fetchone()
        if saved is None:
            raise LookupError("insert … returning gave no row")
        return int(saved["revision"])
