"""The adapter of one tool of an MCP server, as it was reviewed.

Before every call the server is asked what its tool is: what is not as it was reviewed is off. What comes back is
untrusted, bounded, and of the reviewed schema or text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.canonical import canonical_json, storable, storable_text
from core.errors import ToolError
from core.ports import ToolContext, ToolOutput
from core.tools import ToolSpec
from tools.mcp_registry import Contract
from tools.mcp_review import LONGEST_TEXT
from tools.mcp_sessions import McpServer, ServerDown, rpc_errors, short

if TYPE_CHECKING:
    from mcp.types import CallToolResult

LARGEST_RESULT: Final = 1_000_000
"""Characters of a structured result as JSON."""
_REFUSED: Final = frozenset({-32600, -32601, -32602})
"""JSON-RPC: not a valid request, no such method, invalid parameters. The call was not carried out."""


@dataclass(frozen=True, slots=True)
class McpTool:
    """core.ports.Tool over one tool of a server, as it was reviewed."""

    server: McpServer
    tool: str
    spec: ToolSpec
    reviewed: Contract

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Raises ToolError."""
        reads = self.spec.tier == "read-only"
        await self._check()
        try:
            result = await self.server.call(self.tool, arguments, again=reads)
        except ServerDown as down:
            raise self._failed(str(down), reads or not down.sent, never_sent=not down.sent) from down
        except rpc_errors() as error:
            code, said = getattr(getattr(error, "error", None), "code", 0), short(str(error))
            if code in _REFUSED or reads:
                raise ToolError(f'{self.spec.name} was refused: "{said}".', "tool_refused") from error
            raise self._failed(f'it answered "{said}"', passes=False) from error
        return self._output(result, reads)

    async def _check(self) -> None:
        """Raises ToolError unless the tool is what was reviewed. Nothing of the call has been sent."""
        try:
            now = (await self.server.tools()).get(self.tool)
        except ServerDown as down:
            raise self._failed(str(down), passes=True, never_sent=True) from down
        except rpc_errors() as error:
            raise ToolError(f"{self.server.name} does not list its tools: {short(str(error))}", "tool_drift") from error
        if now is None or now.fingerprint != self.reviewed.fingerprint:
            what = "is gone" if now is None else "has changed since it was reviewed"
            message = f"{self.spec.name} {what}; see: autonomy mcp review {self.server.name}"
            raise ToolError(message, "tool_drift", never_sent=True)

    def _failed(self, why: str, passes: bool, *, never_sent: bool = False) -> ToolError:
        said = f"The MCP server {self.server.name}: {why}."
        return ToolError(said, "transient" if passes else "unknown_effect", never_sent=never_sent)

    def _output(self, result: CallToolResult, reads: bool) -> ToolOutput:
        text, left_out = _text_of(result)
        if result.isError:
            said = short(text) or "no reason"
            if reads:
                raise ToolError(f'{self.spec.name} says: "{said}".', "tool_refused")
            raise self._failed(f'{self.spec.name} ended with an error, "{said}"', passes=False)
        source = f"mcp:{self.server.name}/{self.tool}"
        if self.reviewed.output_schema is None:
            cut = {"text": text[:LONGEST_TEXT], "cut_off": len(text) > LONGEST_TEXT, "left_out": left_out}
            return ToolOutput(cut, trust="untrusted", source=source, summary=f"{len(text):,} characters")
        structured: Any = storable(result.structuredContent)
        if not isinstance(structured, dict):
            raise ToolError(f"{self.spec.name} declares a structured result and gave none.", "tool_drift")
        if (size := len(canonical_json(structured))) > LARGEST_RESULT:
            raise ToolError(f"{self.spec.name} answered {size:,} characters, too many to keep.", "tool_drift")
        return ToolOutput(structured, trust="untrusted", source=source, summary=f"{size:,} characters")


def _text_of(result: CallToolResult) -> tuple[str, list[str]]:
    """All text of a result, and what else there was."""
    texts, left_out = [], []
    for block in result.content:
        if block.type == "text":
            texts.append(block.text)
        elif block.type == "resource" and hasattr(block.resource, "text"):
            texts.append(block.resource.text)
        else:
            left_out.append(str(getattr(block, "mimeType", None) or block.type)[:100])
    return storable_text("\n".join(texts)), left_out
