"""A unit of work, ready to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewThread:
    """`subject` is what people call it, such as the keyword; `task` is plain JSON and never changes."""

    domain: str
    tenant: str
    subject: str
    task: Mapping[str, Any]
    requester: str
