"""The tools whose whole effect is a new revision of a working document, in our own Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.canonical import canonical_json
from core.errors import ToolError
from core.ports import ToolContext, ToolOutput


@dataclass(frozen=True, slots=True)
class SaveDocument:
    """Saves its arguments as a revision of `name` (`{argument}` is filled in); the result is both."""

    name: str

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        revision = await _save(context, self.name.format(**arguments), arguments)
        result = {**arguments, "revision": revision}
        return ToolOutput(result, trust="model", summary=f"{self.name.format(**arguments)}, revision {revision}")


@dataclass(frozen=True, slots=True)
class ReviseSections:
    """Saves the named sections anew, and the note on why as the revision itself."""

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        also = {}
        for change in arguments["changes"]:
            name = f"section:{change['index']}"
            section = {**change, "revision": await _save(context, name, change)}
            stored = await context.artifacts.put(
                context.site.tenant, canonical_json(section), "application/json", "revise_article", "model"
            )
            also[name] = stored
        revision = await _save(context, "revision", arguments)
        summary = f"{', '.join(also)}, revision {revision}"
        return ToolOutput({**arguments, "revision": revision}, also=also, trust="model", summary=summary)


async def _save(context: ToolContext, name: str, content: Mapping[str, Any]) -> int:
    if context.documents is None:
        raise ToolError(f"{name} was not run in a transaction of the ledger.", "bug")
    text = canonical_json(dict(content))
    ref = await context.artifacts.put(context.site.tenant, text, "application/json", name, "model")
    return await context.documents.save(name, ref)
