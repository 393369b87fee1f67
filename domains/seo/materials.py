"""What a planner is shown, read back from {"name", "data"} objects. The same objects a language model gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from domains.seo.pages import PageText, page_from
from domains.seo.research import Research, analyse

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Materials:
    """Named materials; what was not shown is empty."""

    task: Json = field(default_factory=dict)
    serp: Json = field(default_factory=dict)
    profile: Json = field(default_factory=dict)
    intent: Json = field(default_factory=dict)
    angle: Json = field(default_factory=dict)
    outline: Json = field(default_factory=dict)
    check: Json = field(default_factory=dict)
    next_section: Json = field(default_factory=dict)
    pages: tuple[PageText, ...] = ()
    sections: tuple[Json, ...] = ()

    @classmethod
    def read(cls, materials: Sequence[Json]) -> Materials:
        """The last object of each name counts, except pages and sections, of which there are many."""
        single = {str(each["name"]): each["data"] for each in materials if each["name"] in _SINGLE}
        pages = sorted((page_from(each["data"]) for each in materials if each["name"] == "page"), key=_position)
        sections = sorted((each["data"] for each in materials if each["name"] == "section"), key=_index)
        return cls(**single, pages=tuple(pages), sections=tuple(sections))

    @property
    def keyword(self) -> str:
        return str(self.task.get("keyword") or self.serp.get("keyword") or "")

    @cached_property
    def research(self) -> Research:
        return analyse(self.serp or {"keyword": self.keyword}, self.pages)


_SINGLE = frozenset({"task", "serp", "profile", "intent", "angle", "outline", "check", "next_section"})


def _position(page: PageText) -> int:
    return page.position


def _index(section: Json) -> int:
    return int(section["index"])
