"""A profile in YAML, read with every problem in one line, each named by its place in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from core.errors import BadInput

LARGEST: Final = 200_000
"""Bytes of YAML; a profile is a few pages."""
DEEPEST: Final = 20
"""Levels of nesting; a schema has four."""
MOST_PROBLEMS: Final = 8
"""Problems named in one message; the rest are counted."""

_SAYS_SOMETHING: Final = r"\S"
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_SAYS_SOMETHING)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_SAYS_SOMETHING)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Part(BaseModel):
    """A part of a profile: frozen, strict about types, refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Profile = TypeVar("Profile", bound=Part)


def parsed(model: type[Profile], text: str, name: str, hint: str, what: str = "a profile") -> Profile:
    """The profile, or `what` else, in `text`, a YAML file called `name`. `hint`: what such a file has.

    Raises BadInput.
    """
    data = _load(text, name)
    if not isinstance(data, dict):
        raise BadInput(f"{name}: the file must be a mapping with {hint}.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BadInput(_one_line(name, [_problem(each, what) for each in error.errors(include_url=False)])) from None


def _load(text: str, name: str) -> object:
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise BadInput(f"{name}: larger than {LARGEST // 1000} KB; it should be a few pages. Is this the right file?")
    try:
        _refuse_tricks(text, name)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadInput(f"{name}: not YAML; {line}{error.problem or 'cannot be read'}".replace("\n", " ")) from None
    except yaml.YAMLError as error:
        raise BadInput(f"{name}: not YAML; {' '.join(str(error).split())[:200]}") from None
    except ValueError as error:
        # The safe loader builds dates and numbers as it goes, and lets their errors through: 2026-13-45.
        raise BadInput(f"{name}: a value cannot be read ({error}); put it in quotes.") from None


def _refuse_tricks(text: str, name: str) -> None:
    """Raise BadInput for aliases (a few lines of them expand to gigabytes) and for nesting that exhausts the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise BadInput(f"{name}: {_line_of(event)} uses a YAML alias (*{event.anchor}); write the value out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadInput(f"{name}: {_line_of(event)} is nested deeper than {DEEPEST} levels.")


def _line_of(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "a line"


def _one_line(name: str, problems: Sequence[str]) -> str:
    shown = "; ".join(problems[:MOST_PROBLEMS])
    more = len(problems) - MOST_PROBLEMS
    return f"{name}: {shown}" + (f"; and {more} more" if more > 0 else "")


def _place(location: Sequence[int | str]) -> str:
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    return place


def _problem(error: Mapping[str, Any], what: str) -> str:
    """One problem in words. The kinds are pydantic's."""
    place, kind, context = _place(error["loc"]), error["type"], error.get("ctx", {})
    match kind:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"{place} is not a field of {what}"
        case "too_short":
            return f"{place} must have at least {_entries(context['min_length'])}"
        case "too_long":
            return f"{place} has more than {_entries(context['max_length'])}"
        case "string_too_short":
            return f"{place} is empty"
        case "string_too_long":
            return f"{place} is longer than {context['max_length']} characters"
        case "string_type":
            return f"{place} must be text{_hint(error['input'])}"
        case "list_type":
            return f"{place} must be a list (lines that start with '-')"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{place} must be a mapping"
        case "string_pattern_mismatch":
            return f"{place} {_pattern_in_words(context['pattern'])}"
    return f"{place}: {str(error['msg']).lower()}"


def _entries(count: int) -> str:
    return "one entry" if count == 1 else f"{count} entries"


def _hint(value: object) -> str:
    if value is None:
        return ", but it is empty"
    return f"; put {value!r} in quotes" if isinstance(value, bool | int | float) else ""


def _pattern_in_words(pattern: str) -> str:
    if re.search("https", pattern):
        return "must be an address that starts with https:// and has no user name"
    if pattern == _SAYS_SOMETHING:
        return "is empty"
    return "must be lower-case letters, digits and hyphens, at most 63 characters"
