"""What the planner is told: one system message, the task, material for this step and no more, and feedback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from core.actions import Proposal
from core.canonical import storable
from core.domain import PromptMessage, View, feedback_message
from core.vocabulary import Trust
from domains.seo.article import sections_of
from domains.seo.extracts import ABOUT
from domains.seo.pages import PageText, Passage, pages_of, passages
from domains.seo.pages import Sentence as PageSentence
from domains.seo.progress import ASK, missing_sections
from domains.seo.research_pack import best_section, subject_of
from domains.seo.text import addresses_machines, joined, sentences

PAGE_CHARACTERS: Final = 6_000
"""Text of one page."""
PAGES_CHARACTERS: Final = 60_000
"""Texts of all pages together."""
SECTIONS_CHARACTERS: Final = 60_000
PROFILE_CHARACTERS: Final = 20_000
MOST_RESULTS: Final = 20
MOST_HEADINGS: Final = 40
LONGEST_LINE: Final = 400
"""Of a snippet, title, heading or question from outside."""

STEP_PROMPTS: Final = frozenset(
    {"set_intent", "set_angle", "set_outline", "write_section", "revise_article", "save_draft", "publish_content"}
)
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "search_serp": (),
    "fetch_pages": ("serp",),
    "set_intent": ("profile", "serp", "pages"),
    "set_angle": ("profile", "intent", "serp", "pages"),
    "set_outline": ("profile", "intent", "angle", "serp", "pages"),
    "write_section": ("profile", "angle", "outline", "next_section", "passages"),
    "check_article": (),
    "revise_article": ("profile", "intent", "angle", "outline", "check", "serp", "sections", "pages"),
    "save_draft": ("profile", "intent", "angle", "outline", "check", "sections"),
    "publish_content": ("outline", "check", "draft"),
}
"""What each step is shown beside the task."""


@cache
def prompt(name: str) -> str:
    """The text of prompts/NAME.md."""
    return (files("domains.seo") / "prompts" / f"{name}.md").read_text("utf-8")


def prompts(task_type: str) -> dict[str, str]:
    """Prompt files used for a step: name -> text."""
    step = task_type if task_type in STEP_PROMPTS else "research"
    return {f"{name}.md": prompt(name) for name in ("system", step, "report")}


def messages(view: View, offered: Sequence[str]) -> list[PromptMessage]:
    """All messages for the next proposal. `offered` is not empty."""
    steps = [action for action in offered if action != ASK] or list(offered)
    feedback = [feedback_message(item) for item in view.feedback]
    return [_system(offered, steps), _task(view, steps[0]), *_materials(view, steps), *feedback]


def report_messages(proposal: Proposal) -> list[PromptMessage]:
    """The further messages that ask how sure the model is of `proposal`."""
    said = {"action": proposal.action, "arguments": proposal.arguments}
    return [PromptMessage("task", prompt("report")), _material("proposal", said, "proposal", "model")]


def _system(offered: Sequence[str], steps: Sequence[str]) -> PromptMessage:
    names = dict.fromkeys(step if step in STEP_PROMPTS else "research" for step in steps)
    instructions = "\n".join(prompt(name) for name in names)
    text = prompt("system").replace("{offered}", joined(f"`{name}`" for name in offered))
    return PromptMessage("system", text.replace("{preferred}", f"`{steps[0]}`").replace("{instructions}", instructions))


def _task(view: View, step: str) -> PromptMessage:
    task = view.task
    text = f"Keyword: {task['keyword']}\nLocale: {task['locale']}\nStep: {step}"
    return PromptMessage("task", text, trust="person")


def _materials(view: View, steps: Sequence[str]) -> Iterator[PromptMessage]:
    task = {name: view.task.get(name) for name in ("keyword", "locale", "slug", "site")}
    yield _material("task", task, "task", "person")
    for need in dict.fromkeys(need for step in steps for need in NEEDS.get(step, ())):
        yield from MATERIALS[need](view)


def _json(value: Any) -> str:
    return json.dumps(storable(value), ensure_ascii=False, allow_nan=False)


def _material(name: str, data: Any, source: str, trust: Trust) -> PromptMessage:
    return PromptMessage("material", _json({"name": name, "data": data}), source, trust)


def _own(name: str) -> Callable[[View], Iterator[PromptMessage]]:
    """An earlier result of ours, as it is."""

    def material(view: View) -> Iterator[PromptMessage]:
        if name in view.content:
            yield _material(name, view.content[name], name, "model")

    return material


def _profile(view: View) -> Iterator[PromptMessage]:
    profile = view.content.get("profile")
    if profile:
        yield _material("profile", fitting_profile(profile), "profile", "profile")


def fitting_profile(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """The profile, its longest lists halved until it fits in PROFILE_CHARACTERS; what is forbidden is never cut."""
    most = 64
    fitted = profile
    while len(_json(fitted)) > PROFILE_CHARACTERS and most > 1:
        most //= 2
        fitted = {
            **profile,
            "icp": {
                **profile["icp"],
                "pains": profile["icp"]["pains"][:most],
                "not_for": profile["icp"]["not_for"][:most],
            },
            "positions": [{**each, "evidence": each["evidence"][:most]} for each in profile["positions"][:most]],
            "product": {**profile["product"], "strengths": profile["product"]["strengths"][:most]},
            "internal_links": profile["internal_links"][:most],
        }
    return fitted


def _serp(view: View) -> Iterator[PromptMessage]:
    serp = view.content.get("serp")
    if serp:
        results = [
            {"position": each["position"], "url": each["url"], "title": each["title"][:LONGEST_LINE],
             "snippet": each["snippet"][:LONGEST_LINE]}
            for each in serp["results"][:MOST_RESULTS]
        ]  # fmt: skip
        asked = [text[:LONGEST_LINE] for text in serp["questions"][:MOST_RESULTS]]
        related = [text[:LONGEST_LINE] for text in serp["related"][:MOST_RESULTS]]
        data = {**serp, "results": results, "questions": asked, "related": related}
        yield _material("serp", data, str(serp["engine"]), "untrusted")


def _pages(view: View) -> Iterator[PromptMessage]:
    pages = pages_of(view)
    share = min(PAGE_CHARACTERS, PAGES_CHARACTERS // max(len(pages), 1))
    for page in pages:
        kept = [line for line in page.text.splitlines() if not addresses_machines(line)]
        yield _page(page, cut_at_line("\n".join(kept), share))


def cut_at_line(text: str, longest: int) -> str:
    """The first `longest` characters of `text`, ended at a line where there is one."""
    return text if len(text) <= longest else text[:longest].rpartition("\n")[0] or text[:longest]


def _page(page: PageText, text: str) -> PromptMessage:
    headings = [
        {"level": level, "text": heading[:LONGEST_LINE]}
        for level, heading in page.headings[:MOST_HEADINGS]
        if not addresses_machines(heading)
    ]
    data = {
        "position": page.position,
        "url": page.url,
        "title": page.title[:LONGEST_LINE],
        "headings": headings,
        "text": text,
    }
    return _material("page", data, page.url, "untrusted")


def _next_section(view: View) -> Iterator[PromptMessage]:
    missing = missing_sections(view.content)
    if missing:
        section = view.content["outline"]["sections"][missing[0]]
        yield _material("next_section", {"index": missing[0], **section}, "outline", "model")


def _passages(view: View) -> Iterator[PromptMessage]:
    """Of each page only the lines that say more about the next section than about any other."""
    missing = missing_sections(view.content)
    if not missing:
        return
    keyword = str(view.task["keyword"])
    subjects = [subject_of(section, keyword) for section in view.content["outline"]["sections"]]
    pages = pages_of(view)
    share = min(PAGE_CHARACTERS, PAGES_CHARACTERS // max(len(pages), 1))
    for page in pages:
        wanted = [passage for passage in passages(page) if _serves(passage, page, missing[0], subjects, keyword)]
        if wanted:
            yield _page(page, cut_at_line(_under_headings(wanted), share))


def _serves(passage: Passage, page: PageText, index: int, subjects: Sequence[Any], keyword: str) -> bool:
    for text in sentences(passage.line):
        best, about = best_section(PageSentence(text, passage.heading, page), subjects, keyword)
        if best == index and about >= ABOUT:
            return True
    return False


def _under_headings(wanted: Sequence[Passage]) -> str:
    parts: list[str] = []
    heading = ""
    for passage in wanted:
        if passage.heading != heading:
            heading = passage.heading
            parts.append(f"## {heading}")
        parts.append(passage.line)
    return "\n\n".join(parts)


def _sections(view: View) -> Iterator[PromptMessage]:
    sections = sections_of(view.content)
    share = SECTIONS_CHARACTERS // max(len(sections), 1)
    for index, section in sections.items():
        heading = view.content["outline"]["sections"][index]["heading"]
        data = {
            "index": index, "heading": heading, "markdown": cut_at_line(str(section["markdown"]), share),
            "citations": section["citations"],
        }  # fmt: skip
        yield _material("section", data, f"section:{index}", "model")


MATERIALS: Final[Mapping[str, Callable[[View], Iterator[PromptMessage]]]] = {
    "profile": _profile,
    "serp": _serp,
    "pages": _pages,
    "next_section": _next_section,
    "passages": _passages,
    "sections": _sections,
    **{name: _own(name) for name in ("intent", "angle", "outline", "check", "draft")},
}
