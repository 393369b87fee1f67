"""Facts and passages of a tenant. Which fact holds is computed when it is asked for (escalation/memory.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Final

from core.memory import Conflict, Fact, Passage, Recall
from core.ports import CallSite
from core.vocabulary import Trust
from escalation.memory import Fused, fuse
from store.database import Connection, Pool
from store.sql import query

MOST_FACTS: Final = 40
"""Facts that the planner is shown: those that were learned last."""
MOST_PASSAGES: Final = 3
_MOST_ROWS: Final = 2_000
_MOST_WORDS: Final = 40
_WORD: Final = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class PostgresMemory:
    """core.ports.Memory over a pool."""

    pool: Pool

    async def recall(self, site: CallSite, words: str) -> Recall:
        async with self.pool.connection() as connection:
            fused = await _fused(connection, site.tenant)
            asked = {"tenant": site.tenant, "words": _any_of(words), "limit": MOST_PASSAGES}
            found = await (await connection.execute(query("passage_find"), asked)).fetchall()
            conflict = await _unasked(connection, site.tenant, [each for each in fused if each.holds is None])
        facts = sorted((each.holds for each in fused if each.holds), key=lambda fact: fact.at, reverse=True)
        return Recall(tuple(facts[:MOST_FACTS]), tuple(Passage(**row) for row in found), conflict)

    async def fused(self, tenant: str) -> Sequence[Fused]:
        """Each subject with the fact that holds, or the conflict."""
        async with self.pool.connection() as connection:
            return await _fused(connection, tenant)

    async def learn(self, tenant: str, fact: Fact) -> bool:
        """False when it was known."""
        async with self.pool.connection() as connection:
            done = await connection.execute(query("fact_insert"), {"tenant": tenant, **asdict(fact)})
        return done.rowcount == 1

    async def keep(self, tenant: str, passages: Iterable[Passage]) -> int:
        """How many of the passages are new."""
        new = 0
        async with self.pool.connection() as connection, connection.transaction():
            for passage in passages:
                row = {"tenant": tenant, **asdict(passage)}
                new += (await connection.execute(query("passage_insert"), row)).rowcount
        return new


async def settle(connection: Connection, review: Mapping[str, Any], value: str, by: str) -> None:
    """A person's answer to a conflict: a fact, newer than all others of its subject and trusted most."""
    row = {
        "tenant": review["tenant"],
        "subject": review["request"]["subject"],
        "value": value,
        "source": f"{by}, review r-{review['number']}",
    }
    await connection.execute(query("fact_settle"), row)


async def _fused(connection: Connection, tenant: str) -> list[Fused]:
    asked = {"tenant": tenant, "limit": _MOST_ROWS}
    rows = await (await connection.execute(query("fact_list"), asked)).fetchall()
    by_subject = groupby((Fact(**row) for row in rows), key=lambda fact: fact.subject)
    return [fuse(list(facts)) for _, facts in by_subject]


async def _unasked(connection: Connection, tenant: str, conflicts: Sequence[Fused]) -> Conflict | None:
    """The first conflict that no open review is about: one question is enough for all threads of a tenant."""
    if not conflicts:
        return None
    rows = await (await connection.execute(query("conflict_asked"), {"tenant": tenant})).fetchall()
    asked = {row["subject"] for row in rows}
    return next((Conflict(each.subject, each.over, each.log) for each in conflicts if each.subject not in asked), None)


def _any_of(words: str) -> str:
    """A full-text query for any of the words; nothing in it is an operator but ours."""
    return " | ".join(dict.fromkeys(_WORD.findall(words.casefold())[:_MOST_WORDS]))


def split(text: str, source: str, trust: Trust, longest: int = 1_000) -> list[Passage]:
    """Paragraphs of a text, long ones cut at a space."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        rest = " ".join(paragraph.split())
        while rest:
            end = len(rest) if len(rest) <= longest else (rest.rfind(" ", 1, longest) + 1 or longest)
            found.append(Passage(rest[:end].strip(), source, trust))
            rest = rest[end:]
    return found
