"""A JSON schema of an MCP server as a pydantic model, so that its tool is a ToolSpec like any other.

The model checks with jsonschema, which knows all of JSON Schema, and shows the server's own schema to the model. No
reference is ever fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator

from core.errors import BadInput

LARGEST: Final = 100_000
"""Characters of one schema as JSON."""
_SAID: Final = 300
_TRUST_MARK: Final = "x-trusted"
"""Only our own schemas may say that a field is trusted."""


def model_of(name: str, schema: Mapping[str, Any]) -> type[BaseModel]:
    """A model that takes what `schema` takes. Raises BadInput for a schema that cannot be used."""
    if (problem := problem_of(schema)) is not None:
        raise BadInput(problem)
    validator, shown = _validator(schema), _without_trust(schema)

    class Given(BaseModel):
        model_config = ConfigDict(extra="allow", title=name)

        @model_validator(mode="before")
        @classmethod
        def _fits(cls, value: Any) -> Any:
            if (misfit := _misfit(validator, value)) is not None:
                raise ValueError(misfit)
            return value

        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            found: dict[str, Any] = deepcopy(shown)
            return found

    return Given


def problem_of(schema: Any) -> str | None:
    """Why a schema cannot be used, in words; None when it can."""
    from jsonschema import SchemaError  # type: ignore[import-untyped]  # ships without types
    from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]

    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return "the schema is not that of an object"
    if len(json.dumps(schema)) > LARGEST:
        return f"the schema is longer than {LARGEST:,} characters"
    if any(not target.startswith("#") for target in _references(schema)):
        return "the schema refers to something outside of itself"
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return f"the schema is not valid: {_short(error.message)}"
    except RecursionError:
        return "the schema is nested too deeply"
    return None


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    # An empty registry: the default one would fetch what a schema refers to.
    return validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())


def _misfit(validator: Any, value: Any) -> str | None:
    from referencing.exceptions import Unresolvable

    try:
        error = next(validator.iter_errors(value), None)
    except (Unresolvable, RecursionError) as broken:
        return f"the schema cannot be followed: {_short(str(broken))}"
    if error is None:
        return None
    where = ".".join(str(step) for step in error.absolute_path)
    return f"{where}: {_short(error.message)}" if where else _short(error.message)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _without_trust(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {name: _without_trust(value) for name, value in node.items() if name != _TRUST_MARK}
    return [_without_trust(item) for item in node] if isinstance(node, list) else node


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SAID else line[: _SAID - 1] + "…"
