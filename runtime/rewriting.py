"""A text that a proposal only names by its hash, such as the article of a draft, in a person's version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.canonical import storable_text
from core.errors import BadInput
from core.tools import ToolSpec
from runtime.wiring import Application
from store.sql import query

LONGEST: Final = 400_000
"""Characters of a text that a person hands in."""
_MEDIA: Final = "text/markdown"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """By argument: the hash of the person's version, what was proposed, and what they made of it."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


async def rewritten(
    app: Application, tenant: str, spec: ToolSpec, proposed: Mapping[str, Any], texts: Mapping[str, str], by: str
) -> Rewritten:
    """Store the person's versions. `texts`: argument -> text. They count as the model's: who corrects a line has not
    vouched for the rest. Raises BadInput for an argument that names no text, and for a text that is empty or too long.
    """
    before = await _named(app, tenant, spec, proposed, texts)
    after = {name: _checked(storable_text(text)) for name, text in texts.items()}
    changed = {name: text for name, text in after.items() if text != before[name]}
    hashes = {
        name: (await app.artifacts.put(tenant, text, _MEDIA, f"edited by {by}", "model")).sha256
        for name, text in changed.items()
    }
    return Rewritten(hashes, {name: before[name] for name in changed}, changed)


async def _named(
    app: Application, tenant: str, spec: ToolSpec, proposed: Mapping[str, Any], texts: Mapping[str, str]
) -> dict[str, str]:
    """The proposed texts behind those arguments."""
    names = {name: str(proposed.get(name, "")) for name in texts}
    async with app.pool.connection() as connection:
        asked = {"tenant": tenant, "sha256s": list(names.values())}
        media = {row["sha256"]: row["media"] async for row in await connection.execute(query("artifact_media"), asked)}
    for name, digest in names.items():
        if not spec.bindings.get(name, "").startswith("result:") or media.get(digest) != _MEDIA:
            raise BadInput(f"{name} of {spec.name} names no text that could be edited.")
    found = await app.artifacts.read(tenant, list(names.values()))
    return {name: found[digest] for name, digest in names.items()}


def _checked(text: str) -> str:
    if not text.strip():
        raise BadInput("The text is empty; reject the proposal if nothing of it is to stay.")
    if len(text) > LONGEST:
        raise BadInput(f"The text has {len(text):,} characters; at most {LONGEST:,} can be handed in.")
    return text
