"""What people tell the agent of their world: facts, and texts to take passages from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.canonical import storable_text
from core.errors import BadInput
from core.memory import Fact
from core.vocabulary import Trust
from runtime.wiring import Application
from store.memory import PostgresMemory, split

_LONGEST: Final = {"subject": 200, "value": 500, "source": 300}
_MOST_BYTES: Final = 5_000_000


async def learn(app: Application, tenant: str, fact: Fact) -> bool:
    """False when it was known. Raises BadInput for a fact that says nothing, or too much."""
    said = {name: storable_text(" ".join(str(getattr(fact, name)).split())) for name in _LONGEST}
    for name, longest in _LONGEST.items():
        if not 0 < len(said[name]) <= longest:
            raise BadInput(f"The {name} of a fact has 1 to {longest} characters, not {len(said[name])}.")
    if fact.at.tzinfo is None or fact.at > datetime.now(UTC).replace(microsecond=999_999):
        raise BadInput(f"A fact cannot be of {fact.at.isoformat()}: give a time that has passed, with its time zone.")
    return await PostgresMemory(app.pool).learn(tenant, Fact(**said, trust=fact.trust, at=fact.at))


async def read_in(app: Application, tenant: str, file: Path, source: str, trust: Trust) -> int:
    """Keep the paragraphs of a text file; how many are new. Raises BadInput."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8 text (byte {error.start}).") from None
    if len(data) > _MOST_BYTES:
        raise BadInput(f"{file} is larger than {_MOST_BYTES // 1_000_000} MB; split it.")
    return await PostgresMemory(app.pool).keep(tenant, split(storable_text(text), source or file.name, trust))


def time_of(said: str | None) -> datetime:
    """An ISO time; now when nothing is said. Raises BadInput."""
    if said is None:
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(said).astimezone(UTC)
    except ValueError:
        raise BadInput(f"{said[:40]!r} is not a time like 2026-11-21 or 2026-11-21T09:00+00:00.") from None
