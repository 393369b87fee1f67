"""Looking at what ran alone. Whoever looks is not told the score, nor whether the proposal was planted."""

from __future__ import annotations

from typing import Any

from core.actions import Proposal
from core.errors import BadInput
from core.handles import filled, handles
from runtime.roles import refuse_unless_reviewer
from runtime.threads import Person
from runtime.wiring import Application
from store.audits import AuditStore
from store.outcomes import Word


async def proposal_of(app: Application, number: int) -> tuple[dict[str, Any], Proposal | None]:
    """An audit and what was proposed; None when that is no longer kept. Raises NotFound."""
    audit = await AuditStore(app.pool).get(number)
    kept = await app.artifacts.find(audit["tenant"], [audit["artifact"]])
    text = kept.get(audit["artifact"])
    return audit, None if text is None else await _filled(app, audit["tenant"], Proposal.model_validate_json(text))


async def _filled(app: Application, tenant: str, proposal: Proposal) -> Proposal:
    """With the values that its handles stand for, as far as they are kept."""
    pins = [handle.sha256 for handle in handles(proposal.arguments) if handle.sha256]
    kept = await app.artifacts.find(tenant, pins)
    if not pins or len(kept) < len(set(pins)):
        return proposal
    return proposal.model_copy(update={"arguments": filled(proposal.arguments, kept)})


async def judge(app: Application, number: int, word: Word, person: Person) -> str:
    """Take a verdict on an audit, once; the id of the thread that it was about. Raises NotFound, AlreadyDecided or
    BadInput."""
    if word.reason and word.verdict == "right":
        raise BadInput("What was right has no reason against it; leave --reason out.")
    audits = AuditStore(app.pool)
    audit = await audits.get(number)
    await refuse_unless_reviewer(app, person, audit["environment"], audit["tenant"], "judges an audit")
    if audit["environment"] != "local" and audit["requester"] == person.name:
        raise BadInput(f"{person.name} started this thread and cannot judge it; someone else has to.")
    await audits.judge(number, word, person.name, person.verified)
    return str(audit["thread_id"])
