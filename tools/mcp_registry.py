"""The reviewed registry of MCP servers: a YAML file that people write, and beside it what they have reviewed.

    servers:
      clock:
        command: python                      # stdio; or `url:` and `headers:` for streamable HTTP
        args: [-m, mcp_server_time]
        env: [TZ]                            # names of our variables that the server is given, and nothing else
        tools:
          get_current_time: {domains: [seo], tier: read-only, egress: false, control: []}

What a person has looked at is in NAME.reviewed.json: description, schemas and annotations of each tool with their
hash. It is written by `autonomy mcp review` alone. What is not in both files does not exist for the agent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from core.canonical import sha256
from core.errors import BadInput
from core.vocabulary import Risk, Tier
from domains.profiles import Identifier, Part, parsed
from tools.content_folder import replace_atomically

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ToolName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_-]{0,63}$")]
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]+")


class ToolEntry(Part):
    """What we say of a tool, whatever its server says; a stricter hint of the server's wins.

    `control`: arguments that say whom or what a call reaches; left out, all of them. `identity`: arguments that make
    two calls one operation; left out, each proposal is one. `timeout` is in seconds.
    """

    domains: Annotated[list[Identifier], Field(min_length=1)]
    name: ToolName | None = None
    tier: Tier | None = None
    cost: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    control: list[str] | None = None
    identity: list[str] | None = None
    idempotent: bool = False
    egress: bool = True
    timeout: Annotated[int, Field(ge=1, le=600)] = 30
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    risk: Risk = "normal"


class ServerEntry(Part):
    """How a server is reached: a command over stdio, or an address over streamable HTTP.

    `env` names variables of ours that a command is given; `headers` says for each header which variable holds it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    command: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    args: list[str] = Field(default_factory=list)
    env: list[Variable] = Field(default_factory=list)
    url: str | None = None
    headers: dict[str, Variable] = Field(default_factory=dict)
    tools: dict[str, ToolEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command or url")
        if self.url is not None and not _is_address(self.url):
            raise ValueError("url must be http(s) without a user name")
        return self

    @property
    def where(self) -> str:
        return self.url or " ".join([str(self.command), *self.args])


class Registry(Part):
    servers: dict[Identifier, ServerEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        seen: set[str] = set()
        for server, entry in self.servers.items():
            for tool, said in entry.tools.items():
                name = name_of(server, tool, said)
                if name in seen:
                    raise ValueError(f"two tools are called {name}; give one of them another `name`")
                seen.add(name)
        return self


@dataclass(frozen=True, slots=True)
class Contract:
    """What a server says of one tool. All of it was written by the server."""

    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "description": self.description,
            "input_schema": dict(self.input_schema),
            "output_schema": None if self.output_schema is None else dict(self.output_schema),
            "annotations": dict(self.annotations),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        return cls(said["description"], said["input_schema"], said["output_schema"], said["annotations"])

    @property
    def fingerprint(self) -> str:
        return sha256(self.to_json())


Reviewed = Mapping[str, Mapping[str, Contract]]
"""Server -> tool -> the contract that a person has looked at."""


def name_of(server: str, tool: str, entry: ToolEntry) -> str:
    """What the agent calls a tool: letters, digits, _ and -, at most 64, as model endpoints take them."""
    return entry.name or _NOT_IN_NAMES.sub("_", f"{server}__{tool}")[:64]


def reviewed_file(registry: Path) -> Path:
    return registry.with_suffix(".reviewed.json")


def read_registry(path: Path) -> Registry:
    """Raises BadInput naming the file and everything that is wrong with it."""
    hint = "servers; see docs/mcp.md"
    return parsed(Registry, _text(path), str(path), hint, "a registry of MCP servers")


def read_reviewed(path: Path) -> Reviewed:
    """What was reviewed; nothing where there is no file. Raises BadInput for one that was tampered with."""
    if not path.exists():
        return {}
    try:
        said = json.loads(_text(path))
        found = {
            server: {tool: Contract.from_json(each["contract"]) for tool, each in tools.items()}
            for server, tools in said.items()
        }
        stated = {(server, tool): each["fingerprint"] for server, tools in said.items() for tool, each in tools.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{path} cannot be read; remove it and review the servers again.") from None
    for (server, tool), fingerprint in stated.items():
        if found[server][tool].fingerprint != fingerprint:
            raise BadInput(f"{path}: {server}/{tool} is not what was reviewed; run: autonomy mcp review {server}")
    return found


def write_reviewed(path: Path, reviewed: Reviewed) -> None:
    """Whole or not at all. Raises OSError."""
    said = {
        server: {
            tool: {"fingerprint": contract.fingerprint, "contract": contract.to_json()}
            for tool, contract in sorted(tools.items())
        }
        for server, tools in sorted(reviewed.items())
    }
    replace_atomically(path, (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"AUTONOMY_MCP: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"AUTONOMY_MCP: {path} is not UTF-8 text (byte {error.start}).") from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
