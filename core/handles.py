"""Where an argument came from.

The planner refers to earlier results by handle: `{"$ref": "NAME"}` or `{"$ref": "NAME#/json/pointer"}`. A handle is
pinned to the content it was proposed for, `{"$ref": …, "sha256": …}`, so that the hash of a proposal binds content that
the state does not hold. A literal counts as a person's or the profile's only if they supplied that very value. Text
from outside is never searched for anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from core.actions import Ref
from core.errors import BadInput
from core.vocabulary import TRUSTS, Trust

REF: Final = "$ref"
PIN: Final = "sha256"
_INDEX: Final = re.compile(r"0|[1-9][0-9]*")
_MISSING: Final = object()


class BadHandle(BadInput):
    """A handle that leads nowhere; the message says why, for the planner."""


class Handle(NamedTuple):
    """`pointer` is an RFC 6901 pointer into the result, empty for the whole; `sha256` is empty while not pinned."""

    name: str
    pointer: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """One earlier result. `trusted`: pointers whose values stay trusted, `*` for any item; `value` only if needed."""

    sha256: str
    trust: Trust
    trusted: frozenset[str] = frozenset()
    value: Any = None


@dataclass(frozen=True, slots=True)
class Origins:
    """All that an argument can have come from. `outside`: fields of the task that someone outside wrote."""

    task: Mapping[str, Any] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()

    @property
    def tainted(self) -> bool:
        """Whether anything untrusted has entered the thread."""
        return bool(self.outside & set(self.task)) or any(each.trust == "untrusted" for each in self.sources.values())

    @property
    def given(self) -> dict[str, Any]:
        """What the person who started the thread said."""
        return {name: value for name, value in self.task.items() if name not in self.outside}


@dataclass(frozen=True, slots=True)
class Resolved:
    """Arguments with their values, and for each the least trustworthy origin of anything in it."""

    arguments: dict[str, Any]
    labels: Mapping[str, Trust]


def worst(labels: Iterable[Trust]) -> Trust:
    """The least trustworthy of `labels`; of none, what the model wrote."""
    return max(labels, key=TRUSTS.index, default="model")


def handle_of(value: Any) -> Handle | None:
    """The handle that `value` is, or None. Raises BadHandle for one that is none of ours."""
    if not isinstance(value, dict) or REF not in value:
        return None
    target, pin = value[REF], value.get(PIN, "")
    if not isinstance(target, str) or not isinstance(pin, str) or not set(value) <= {REF, PIN}:
        raise BadHandle(f'A handle is {{"{REF}": "NAME"}} or {{"{REF}": "NAME#/pointer"}} and nothing else.')
    name, _, pointer = target.partition("#")
    if pointer and not pointer.startswith("/"):
        raise BadHandle(f"The pointer of {target} must begin with a slash.")
    return Handle(name, pointer, pin)


def handles(value: Any) -> Iterator[Handle]:
    """Every handle in a JSON value, at any depth."""
    if (found := handle_of(value)) is not None:
        yield found
        return
    for item in _items(value):
        yield from handles(item)


def pinned(arguments: Mapping[str, Any], hashes: Mapping[str, str]) -> dict[str, Any]:
    """`arguments` with each handle bound to the content that `hashes` (result -> SHA-256) has now.

    A pin that the planner wrote itself is replaced. A name that is not there stays unpinned, and policy refuses it.
    """

    def pin(value: Any, handle: Handle) -> Any:
        known = hashes.get(handle.name)
        return {REF: value[REF], **({PIN: known} if known else {})}

    try:
        return {name: _replaced(value, pin) for name, value in arguments.items()}
    except BadHandle:
        return dict(arguments)


def filled(arguments: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """`arguments` with each pinned handle replaced by its value. `texts`: SHA-256 -> JSON of every pinned artifact.

    Raises BadHandle for a handle that is not pinned, or whose pointer leads nowhere.
    """

    def fill(_: Any, handle: Handle) -> Any:
        if handle.sha256 not in texts:
            raise BadHandle(f"There is no result {handle.name}.")
        return at(json.loads(texts[handle.sha256]), handle)

    return {name: _replaced(value, fill) for name, value in arguments.items()}


def resolved(arguments: Mapping[str, Any], origins: Origins, bindings: Mapping[str, str]) -> Resolved:
    """The values of `arguments` and their labels. Raises BadHandle, in words for the planner."""
    values = {name: _replaced(value, lambda _, handle: _value(handle, origins)) for name, value in arguments.items()}
    labels = {
        name: _bound_label(value, bindings[name], origins) if name in bindings else worst(_labels(value, name, origins))
        for name, value in arguments.items()
    }
    return Resolved(values, labels)


def inherited(declared: Trust, arguments: Mapping[str, Any], results: Mapping[str, Ref]) -> Trust:
    """Trust of what a tool made of `arguments`: never more than that of the results which they pin or are bound to."""
    used = set(_strings(arguments))
    return worst([declared, *(ref.trust for ref in results.values() if ref.sha256 in used)])


def at(value: Any, handle: Handle) -> Any:
    """The part of `value` that the handle points to. Raises BadHandle."""
    for step in _steps(handle.pointer):
        if isinstance(value, dict):
            value = value.get(step, _MISSING)
        elif isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            value = _MISSING
        if value is _MISSING:
            raise BadHandle(f"{handle.name} has nothing at {handle.pointer}.")
    return value


def trusted_pointers(schema: Mapping[str, Any]) -> frozenset[str]:
    """Pointers to the fields that a result's JSON schema marks with `"x-trusted": true`; `*` for any item."""
    return frozenset(_marked(schema, schema, "", 0))


def _marked(node: Mapping[str, Any], root: Mapping[str, Any], pointer: str, depth: int) -> Iterator[str]:
    if depth > 12:  # a schema that refers to itself
        return
    if node.get("x-trusted") is True:
        yield pointer
        return
    if isinstance(target := node.get(REF), str):
        yield from _marked(root.get("$defs", {}).get(target.rpartition("/")[2], {}), root, pointer, depth + 1)
    for name, each in node.get("properties", {}).items():
        yield from _marked(each, root, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", depth + 1)
    if isinstance(items := node.get("items"), dict):
        yield from _marked(items, root, f"{pointer}/*", depth + 1)


def _value(handle: Handle, origins: Origins) -> Any:
    source = origins.sources.get(handle.name)
    if source is None:
        raise BadHandle(f"There is no result {handle.name}; there are {', '.join(origins.sources) or 'none'}.")
    if source.sha256 != handle.sha256:
        raise BadHandle(f"{handle.name} has changed since this was proposed; propose it again.")
    return at(source.value, handle)


def _labels(value: Any, name: str, origins: Origins) -> Iterator[Trust]:
    if (handle := handle_of(value)) is not None:
        source = origins.sources[handle.name]
        yield from _leaf_trusts(at(source.value, handle), _steps(handle.pointer), source)
    elif isinstance(value, dict):
        # The keys of an object are written by whoever wrote the object.
        yield from (_literal(key, "", origins) for key in value)
        for item in value.values():
            yield from _labels(item, name, origins)
    elif isinstance(value, list):
        for item in value:
            yield from _labels(item, name, origins)
    else:
        yield _literal(value, name, origins)


def _leaf_trusts(value: Any, place: tuple[str, ...], source: Source) -> Iterator[Trust]:
    if any(_matches(pattern, place) for pattern in source.trusted):
        yield "trusted"
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaf_trusts(item, (*place, key), source)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaf_trusts(item, (*place, str(index)), source)
    else:
        yield source.trust


def _matches(pattern: str, place: tuple[str, ...]) -> bool:
    steps = _steps(pattern)
    return len(steps) <= len(place) and all(step in ("*", here) for step, here in zip(steps, place, strict=False))


def _literal(value: Any, name: str, origins: Origins) -> Trust:
    """A text that the person or the profile holds word for word is theirs; a number only in the field of that name."""
    if isinstance(value, str):
        if not value:
            return "model"
        if value in _strings(origins.given):
            return "person"
        return "profile" if value in _strings(origins.profile) else "model"
    said = origins.given.get(name, _MISSING)
    return "person" if type(said) is type(value) and said == value else "model"


def _bound_label(value: Any, binding: str, origins: Origins) -> Trust:
    kind, _, name = binding.partition(":")
    if kind == "result":
        source = origins.sources.get(name)
        return source.trust if source is not None and source.sha256 == value else "model"
    if name in origins.outside:
        return "untrusted"
    return "person" if name in origins.task and origins.task[name] == value else "model"


def _replaced(value: Any, replace: Callable[[Any, Handle], Any]) -> Any:
    if (handle := handle_of(value)) is not None:
        return replace(value, handle)
    if isinstance(value, dict):
        return {key: _replaced(item, replace) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, replace) for item in value]
    return value


def _steps(pointer: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in _items(value):
        yield from _strings(item)
