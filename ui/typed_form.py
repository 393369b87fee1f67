"""From the JSON schema of an action's arguments to the fields a person fills in, and back. Pure; it judges nothing.

What is no plain field (a list of objects that grows, a choice between shapes) is left to the text form.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FieldKind = Literal["line", "text", "markdown", "lines", "choice", "number", "whole", "yes"]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the arguments. `lines` is a list of texts, edited one a line."""

    path: Path
    kind: FieldKind
    value: Any
    help: str = ""
    options: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None

    @property
    def key(self) -> str:
        return ".".join(str(part) for part in self.path)

    @property
    def label(self) -> str:
        """distribution · informational; sections 2 · heading."""
        parts = list[str]()
        for part in self.path:
            if isinstance(part, int):
                parts[-1] += f" {part + 1}"
            else:
                parts.append(part.replace("_", " "))
        return " · ".join(parts)


def fields(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of those arguments that `schema` describes, in its order."""
    found: list[Field] = []
    for name, each in schema.get("properties", {}).items():
        if name in arguments:
            found += _fields(schema, each, (name,), arguments[name])
    return tuple(found)


def rebuilt(arguments: Mapping[str, Any], typed: Mapping[str, Any], known: tuple[Field, ...]) -> dict[str, Any]:
    """`arguments` with what was typed, by key of the field."""
    made = copy.deepcopy(dict(arguments))
    for field in known:
        if field.key in typed:
            place: Any = made
            for part in field.path[:-1]:
                place = place[part]
            place[field.path[-1]] = _value(field, typed[field.key])
    return made


def shown(field: Field) -> Any:
    """The value as its widget takes it."""
    if field.kind == "lines":
        return "\n".join(str(line) for line in field.value)
    return float(field.value) if field.kind == "number" else field.value


def _value(field: Field, typed: Any) -> Any:
    if field.kind == "lines":
        return [line.strip() for line in str(typed).splitlines() if line.strip()]
    if field.kind == "number" and typed is not None:
        return field.value if float(typed) == float(field.value) else round(float(typed), 6)
    return typed


def _fields(root: Mapping[str, Any], schema: Mapping[str, Any], path: Path, value: Any) -> Iterator[Field]:
    schema = _followed(root, schema)
    about = str(schema.get("description", ""))
    if options := schema.get("enum"):
        yield Field(path, "choice", value, about, tuple(options))
    elif isinstance(value, bool):
        yield Field(path, "yes", value, about)
    elif isinstance(value, int | float):
        kind: FieldKind = "whole" if schema.get("type") == "integer" else "number"
        yield Field(path, kind, value, about, (), schema.get("minimum"), schema.get("maximum"))
    elif isinstance(value, str):
        yield Field(path, _text_kind(path, schema, value), value, about)
    elif isinstance(value, Mapping):
        for name, each in schema.get("properties", {}).items():
            if name in value:
                yield from _fields(root, each, (*path, name), value[name])
    elif isinstance(value, list):
        yield from _of_list(root, schema, path, value)


def _of_list(root: Mapping[str, Any], schema: Mapping[str, Any], path: Path, value: list[Any]) -> Iterator[Field]:
    item = _followed(root, schema.get("items", {}))
    if item.get("type") == "string" and all(isinstance(each, str) and "\n" not in each for each in value):
        yield Field(path, "lines", value, str(schema.get("description", "")))
    else:
        for place, each in enumerate(value):
            yield from _fields(root, item, (*path, place), each)


def _text_kind(path: Path, schema: Mapping[str, Any], value: str) -> FieldKind:
    if path[-1] == "markdown" or schema.get("maxLength", 0) >= 10_000:
        return "markdown"
    return "text" if schema.get("maxLength", 0) > 300 or len(value) > 80 or "\n" in value else "line"


def _followed(root: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or what its reference names."""
    if name := schema.get("$ref"):
        target: Mapping[str, Any] = root.get("$defs", {}).get(str(name).rpartition("/")[2], {})
        return {**target, **{key: each for key, each in schema.items() if key != "$ref"}}
    return schema
