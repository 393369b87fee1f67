"""A proposal's arguments as the YAML that people read and edit. What is shown reads back as the very same value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from core.errors import BadInput

_LIMIT: Final = 2_000_000
_HIDDEN: Final = re.compile("[\x85\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that change what a reader sees without being seen; written as escapes."""


_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


def _resolvers(*types: tuple[str, str, Iterable[str]]) -> _Resolvers:
    """From (YAML type, how it is written, the characters it may begin with)."""
    found: _Resolvers = {}
    for name, pattern, begins in types:
        for character in begins:
            found.setdefault(character, []).append((f"tag:yaml.org,2002:{name}", re.compile(pattern)))
    return found


_JSON_RESOLVERS: Final = _resolvers(
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ("n", "~", "")),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
)


class _Dumper(yaml.SafeDumper):
    """Long text as a block, so that an article is read as one. Quotes whatever any YAML would take for a number."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class _Loader(yaml.SafeLoader):
    """JSON's types only: a date, `no` or 12:30 stays the text that was typed. No aliases: they grow without end."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise BadInput("The arguments use a YAML alias (*name); write the value out.")
        return super().compose_node(parent, index)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    hidden = _HIDDEN.search(text) is not None
    style = '"' if hidden else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.yaml_implicit_resolvers = {
    begins: [*yaml.SafeDumper.yaml_implicit_resolvers.get(begins, []), *_JSON_RESOLVERS.get(begins, [])]
    for begins in {*yaml.SafeDumper.yaml_implicit_resolvers, *_JSON_RESOLVERS}
}
_Loader.yaml_implicit_resolvers = _JSON_RESOLVERS


def as_yaml(arguments: Mapping[str, Any]) -> str:
    """The arguments in their order, with nothing hidden in them."""
    text: str = yaml.dump(dict(arguments), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return _HIDDEN.sub(lambda found: f"\\u{ord(found.group()):04X}", text)


def edited(text: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a person made of the arguments `asked`. Raises BadInput with the line and what is wrong in it."""
    found = from_yaml(text)
    if missing := [name for name in asked if name not in found]:
        raise BadInput(f"{', '.join(missing)} is no longer there. An edit gives arguments another value; put it back.")
    return found


def from_yaml(text: str) -> dict[str, Any]:
    """The object that `text` describes, in YAML or JSON. Raises BadInput with the line and what is wrong in it."""
    if len(text) > _LIMIT:
        raise BadInput(f"The arguments are longer than {_LIMIT:,} characters.")
    try:
        value = _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = f"Line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadInput(f"{line}this is not YAML ({error.problem or error.context}).") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"This is not YAML ({' '.join(str(error).split())}).") from None
    except RecursionError:
        raise BadInput("The arguments are nested too deeply.") from None
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise BadInput("Write one argument a line, such as `title: …`.")
    return value


def _parsed(text: str) -> Any:
    # JSON proper is not quite YAML: tabs between its parts, line separators within its strings.
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            pass  # a YAML flow mapping also begins so; if it is none either, that error has the line
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader with fewer types
