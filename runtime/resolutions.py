"""What a person's word on an unknown effect means for its operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from core.canonical import canonical_json, storable
from core.errors import BadInput
from core.operations import Resolution
from core.tools import ToolSpec
from core.vocabulary import Answer


def resolution(spec: ToolSpec, request: Mapping[str, Any], answer: Answer, by: str, message: str) -> Resolution | None:
    """None for an answer to anything else. Pure. Raises BadInput when the tool cannot say how its result then looks."""
    if (asked := request.get("unknown_effect")) is None:
        return None
    match answer:
        case "happened" | "did_not_happen" | "abandon":
            word = Resolution(asked["key"], asked["revision"], asked["fence"], asked["attempt"], answer, by, message)
        case _:
            return None
    if answer != "happened":
        return word
    arguments = request["action_requests"][0]["args"]
    return replace(word, produces=spec.produced_name(arguments), result=_result(spec, arguments, message))


def _result(spec: ToolSpec, arguments: Mapping[str, Any], message: str) -> str:
    if spec.when_confirmed is None:
        raise BadInput(f"{spec.name} does not say what its result is when it happened; abandon it instead.")
    try:
        result = spec.result.model_validate(spec.when_confirmed(arguments, message)).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"That does not make a result of {spec.name} ({where}: {first['msg']}); say more.") from None
    return canonical_json(storable(result))
