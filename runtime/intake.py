"""A unit of work, ready to start, and what a person gives for one.

A domain's module in runtime/ has `Asked`, a pydantic model of the fields that start a thread, and `intake(settings,
artifacts, model, asked, requester)`, which makes a NewThread of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import BadInput

_LARGEST_FILE: Final = 200_000
Fields = TypeVar("Fields", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class NewThread:
    """`subject` is what people call it, such as the keyword; `task` is plain JSON and never changes."""

    domain: str
    tenant: str
    subject: str
    task: Mapping[str, Any]
    requester: str


def asked_for(fields: type[Fields], given: Mapping[str, Any], domain: str) -> Fields:
    """`given` as the fields of a domain. Raises BadInput with every problem and the fields there are."""
    try:
        return fields.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(_problem(each) for each in error.errors(include_url=False))
        takes = f"It takes {fields_in_words(fields)}."
        raise BadInput(f"A {domain} thread cannot be started: {problems}. {takes}") from None


def fields_in_words(fields: type[BaseModel]) -> str:
    """`order (required), mail, profile`."""
    named = fields.model_fields.items()
    return ", ".join(f"{name} (required)" if field.is_required() else name for name, field in named)


def text_of(path: Path) -> str:
    """The text of a profile. Raises BadInput for a file that cannot be read, naming it."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"The profile {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"The profile {path} is not UTF-8 text (byte {error.start}).") from None


def bundled(profile: str) -> Path:
    """A profile that ships along."""
    return Path(str(resources.files("profiles").joinpath(profile)))


def _problem(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            return f"there is no field {where}"
    return f"{where}: {str(error['msg']).lower()}"
