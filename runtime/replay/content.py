"""Artifacts from the record; what the replay makes itself stays in memory."""

from __future__ import annotations

from collections.abc import Sequence

from core.actions import Ref
from core.canonical import sha256, storable_text
from core.errors import BadInput
from core.vocabulary import Trust
from runtime.replay.record import Record


class RecordedArtifacts:
    """core.ports.Artifacts."""

    def __init__(self, record: Record) -> None:
        self._thread_id = record.thread["id"]
        self._texts = dict(record.texts)

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        text = storable_text(text)
        digest = sha256(text)
        self._texts[digest] = text
        return Ref(sha256=digest, media=media, source=source, trust=trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        """Raises BadInput: what the thread read is not kept any more."""
        try:
            return {digest: self._texts[digest] for digest in sha256s}
        except KeyError as missing:
            raise BadInput(
                f"Artifact {str(missing.args[0])[:12]}, which thread {self._thread_id} read, is not in the store. "
                "Restore it from a backup, or leave this thread out."
            ) from None
