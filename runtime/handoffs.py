"""A person takes one blocker over, does it, and hands control back with the result. For command line and console."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from core.canonical import canonical_json, storable, storable_text
from core.errors import AlreadyDecided, BadInput
from core.state import Json
from core.tools import ToolSpec
from core.vocabulary import Trust
from runtime.keys import cipher_for_secrets
from runtime.roles import refuse_unless_reviewer
from runtime.threads import Person
from runtime.wiring import Application
from store.operations import ByHand
from store.reviews import Decision
from store.secrets import Sealed, SecretStore

MOST_WORDS: Final = 4000
"""Characters of a result in words: the agent is told all of them."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class HandBack:
    """What a person hands back. `result`: words, or a JSON object that is what the tool would have answered."""

    result: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name -> value; only the tool that was in the way gets it."""


async def take_over(app: Application, number: int, person: Person) -> Json:
    """The review is this person's: nobody else can answer it, and nothing runs meanwhile. Returns it.

    Taking over twice changes nothing. Raises NotFound, StaleDecision, AlreadyDecided naming who has it, or BadInput
    for what is no blocker.
    """
    review = await app.reviews.get(number)
    if review["kind"] != "blocker":
        raise BadInput(f"Review r-{number} is a {review['kind']}; only a blocker is taken over. See: autonomy inbox")
    await _refuse_who_may_not(app, review, person)
    if review["taken_over_by"] != person.name or review["state"] != "open":
        await app.reviews.take_over(review, person.name, verified=person.verified)
    return await app.reviews.get(number)


async def hand_back(app: Application, number: int, person: Person, given: HandBack, *, reserved: bool = False) -> str:
    """Let the agent go on from here, with what the person did; returns the thread's id. Nothing runs here.

    Raises NotFound, StaleDecision, or BadInput: not taken over, or by somebody else; a result that is not what the
    tool declares; a secret where no tool is in the way.
    """
    review = await app.reviews.get(number)
    _refuse_foreign(review, person)
    await _refuse_who_may_not(app, review, person)
    spec = await _tool(app, review)
    result = _result(spec, given.result)
    message = "" if result is not None else _words(given.result)
    sealed = _sealed(app, review, spec, given.secrets, person)
    payload: Json = {"type": "respond", "by": person.name, "message": message, "choice": "hand_back"}
    by_hand = None
    if spec is not None and result is not None:
        arguments = review["request"]["action_requests"][0]["args"]
        name = spec.produced_name(arguments)
        source = f"handed back by {person.name}"
        # What a reading tool would have brought is from outside, whoever carried it in.
        trust: Trust = "untrusted" if spec.tier == "read-only" else "person"
        ref = await app.artifacts.put(review["tenant"], canonical_json(result), "application/json", source, trust)
        payload["results"] = {name: ref.model_copy(update={"source": ""}).to_json()}
        by_hand = _by_hand(spec, review, arguments, payload["results"], person)
    decision = Decision("hand_back", person.name, person.verified, payload, None, False, None, sealed, by_hand)
    await app.reviews.decide(review, decision, reserved=reserved)
    return str(review["thread_id"])


async def refuse(app: Application, number: int, person: Person) -> None:
    """Raises what hand_back would of a review that is not this person's."""
    _refuse_foreign(await app.reviews.get(number), person)


async def _refuse_who_may_not(app: Application, review: Mapping[str, Any], person: Person) -> None:
    await refuse_unless_reviewer(app, person, review["environment"], review["tenant"], "does a blocker's work by hand")


def _refuse_foreign(review: Mapping[str, Any], person: Person) -> None:
    number = review["number"]
    if review["state"] in ("decided", "released"):
        raise AlreadyDecided(f"Review r-{number} was already decided: {review['answer']}, by {review['decided_by']}.")
    if review["taken_over_by"] is None:
        raise BadInput(
            f"Review r-{number} was not taken over, so it cannot be handed back. First: autonomy take-over r-{number}"
        )
    if review["taken_over_by"] != person.name:
        raise BadInput(f"Review r-{number} was taken over by {review['taken_over_by']}; only they can hand it back.")


async def _tool(app: Application, review: Mapping[str, Any]) -> ToolSpec | None:
    """The tool whose call was in the way; None when it was the planner that got nowhere."""
    thread = await app.threads.get(review["thread_id"])
    return app.domain(thread["domain"]).tools.get(review["task_type"])


def _result(spec: ToolSpec | None, text: str) -> Json | None:
    """A JSON object, checked against what the tool declares; None for words. Raises BadInput."""
    if spec is None or not text.strip().startswith("{"):
        return None
    try:
        return dict(storable(spec.result.model_validate(json.loads(text)).model_dump(mode="json")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"That is no result of {spec.name} ({where}: {first['msg']}).") from None
    except ValueError as error:
        raise BadInput(f"The result begins like JSON and is none: {error}.") from None


def _words(text: str) -> str:
    words = storable_text(text.strip())
    if len(words) > MOST_WORDS:
        raise BadInput(f"The result has {len(words):,} characters; say it in {MOST_WORDS:,}, or as the tool's JSON.")
    return words


def _sealed(
    app: Application, review: Mapping[str, Any], spec: ToolSpec | None, given: Mapping[str, str], person: Person
) -> tuple[Sealed, ...]:
    if given and spec is None:
        raise BadInput(f"Review r-{review['number']} is not about a tool, so there is nothing to give a secret to.")
    store = SecretStore(app.pool, lambda: cipher_for_secrets(app.settings))
    for name in given:
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name[:40]!r} is no name of a secret; use lower-case letters, digits and underscores.")
    tool = spec.name if spec else ""
    return tuple(
        store.seal(review["thread_id"], review["tenant"], tool, name, value, person.name)
        for name, value in given.items()
    )


def _by_hand(
    spec: ToolSpec, review: Mapping[str, Any], arguments: Json, results: Json, person: Person
) -> ByHand | None:
    """What the ledger has to know, so that nobody does it a second time. None for what has no identity of its own."""
    if spec.tier == "read-only" or spec.identity is None:
        return None
    key = spec.operation_key(review["tenant"], review["thread_id"], review["request"]["proposal_id"], arguments)
    return ByHand(key, spec.name, review["request"]["proposal_id"], arguments, results, person.name)
