"""What a person entered for one tool: it gets it, and nothing that it says or raises gets out with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from core.actions import Ref
from core.errors import ToolError
from core.ports import Artifacts, Secrets, ToolOutput
from core.vocabulary import Trust


@dataclass(slots=True)
class Confidential:
    """The secrets of one call. A secret is gone from the store as soon as the tool has asked for it; a call that then
    fails has to be given it again."""

    secrets: Secrets
    thread_id: str
    tool: str
    _had: dict[str, str] = field(default_factory=dict, repr=False)

    async def get(self, name: str) -> str:
        """core.ports.ToolContext.secret. Raises ToolError(missing_evidence): a person has to enter it."""
        if name not in self._had:
            taken = await self.secrets.take(self.thread_id, self.tool, name)
            if taken is None:
                raise ToolError(
                    f"{self.tool} needs {name}, which only a person can enter: take this over, and hand it back with "
                    f"--secret {name}.",
                    "missing_evidence",
                    never_sent=True,
                )
            self._had[name] = taken
        return self._had[name]

    def told(self, error: Exception) -> Exception:
        """What may be known of an error: itself, or one in its place when a secret could be in it."""
        if not self._had:
            return error
        if not isinstance(error, ToolError):
            return ToolError(f"{type(error).__name__}: {self.redacted(str(error))}", "bug")
        told = ToolError(self.redacted(str(error)), error.failure_class, error.retry_after, never_sent=error.never_sent)
        told.operation = error.operation
        return told

    def without(self, output: ToolOutput | None) -> ToolOutput | None:
        """An answer without the secrets that the tool repeated in it."""
        if output is None or not self._had:
            return output
        return ToolOutput(
            self.redacted(output.result),
            output.also,
            output.trust,
            self.redacted(output.source),
            self.redacted(output.summary),
        )

    def redacted(self, said: Any) -> Any:
        """`said` with each secret, and its usual spellings, replaced by its name."""
        if isinstance(said, str):
            for name, value in self._had.items():
                for spelling in _spellings(value):
                    said = said.replace(spelling, f"[{name}]")
            return said
        if isinstance(said, dict):
            return {self.redacted(key): self.redacted(value) for key, value in said.items()}
        if isinstance(said, list | tuple):
            return [self.redacted(item) for item in said]
        return said


@dataclass(frozen=True, slots=True)
class GuardedArtifacts:
    """core.ports.Artifacts for a tool: what it stores is stored without its secrets."""

    artifacts: Artifacts
    confidential: Confidential

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        clean = self.confidential.redacted
        return await self.artifacts.put(tenant, clean(text), media, clean(source), trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        return await self.artifacts.read(tenant, sha256s)


def _spellings(value: str) -> tuple[str, ...]:
    """As it is, escaped for JSON or an address, in base64; longest first, so that none is cut by another."""
    plain = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        quote_plus(value),
        repr(value)[1:-1],
        base64.b64encode(value.encode()).decode(),
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    }
    return tuple(sorted(plain, key=len, reverse=True))
