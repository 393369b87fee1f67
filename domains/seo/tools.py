"""The tools of the content pipeline: what each takes, returns, costs and may do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core.tools import ToolSpec
from domains.seo import schemas as s

READ: Final = 1
"""Cost in budget units of a call that only reads."""
REVERSIBLE: Final = 2
IRREVERSIBLE: Final = 100

READ_ATTEMPTS: Final = 3
INTERACTIVE_SECONDS: Final = 10.0
"""Timeout of what happens in our own process or database."""

_AFTER_WRITING: Final = ("check", "article", "draft")
"""Results about an article that is no longer the article."""


def _site_and_slug(arguments: Mapping[str, Any]) -> str:
    return f"{arguments['site']} {arguments['slug']}"


SPECS: Final = (
    ToolSpec(
        name="search_serp",
        summary="Get the search results for this thread's keyword and locale.",
        arguments=s.SearchSerpArguments,
        result=s.SearchSerpResult,
        tier="read-only",
        idempotency="idempotent",
        cost=READ,
        timeout=30.0,
        attempts=READ_ATTEMPTS,
        egress=True,
        bindings={"keyword": "task:keyword", "locale": "task:locale"},
        produces="serp",
    ),
    ToolSpec(
        name="fetch_pages",
        summary="Read the pages behind the search results, at most `at_most` of them from the top.",
        arguments=s.FetchPagesArguments,
        result=s.FetchPagesResult,
        tier="read-only",
        idempotency="idempotent",
        cost=READ,
        timeout=120.0,
        attempts=READ_ATTEMPTS,
        egress=True,
        bindings={"serp_sha256": "result:serp"},
        produces="pages",
    ),
    ToolSpec(
        name="set_intent",
        summary="Decide what the searcher wants, as a distribution over four intents, and the format that serves it.",
        arguments=s.SetIntentArguments,
        result=s.SetIntentResult,
        tier="reversible",
        idempotency="local",
        cost=REVERSIBLE,
        timeout=INTERACTIVE_SECONDS,
        decision_point=True,
        decides="intent",
        produces="intent",
    ),
    ToolSpec(
        name="set_angle",
        summary="Decide the article's point of view and how it differs from the results.",
        arguments=s.SetAngleArguments,
        result=s.SetAngleResult,
        tier="reversible",
        idempotency="local",
        cost=REVERSIBLE,
        timeout=INTERACTIVE_SECONDS,
        decision_point=True,
        decides="angle",
        produces="angle",
    ),
    ToolSpec(
        name="set_outline",
        summary="Decide the title and the 3 to 12 sections of the article.",
        arguments=s.SetOutlineArguments,
        result=s.SetOutlineResult,
        tier="reversible",
        idempotency="local",
        cost=REVERSIBLE,
        timeout=INTERACTIVE_SECONDS,
        decision_point=True,
        decides="outline",
        produces="outline",
    ),
    ToolSpec(
        name="write_section",
        summary="Write one section of the outline in Markdown, without its heading, citing results by address.",
        arguments=s.WriteSectionArguments,
        result=s.WriteSectionResult,
        tier="reversible",
        idempotency="local",
        cost=REVERSIBLE,
        timeout=INTERACTIVE_SECONDS,
        judged_by="save_draft",
        produces="section:{index}",
        invalidates=_AFTER_WRITING,
    ),
    ToolSpec(
        name="check_article",
        summary="Assemble the article and measure intent match, own angle, relevance, citations and structure.",
        arguments=s.CheckArticleArguments,
        result=s.CheckArticleResult,
        tier="read-only",
        idempotency="idempotent",
        cost=READ,
        timeout=60.0,
        attempts=READ_ATTEMPTS,
        bindings={"outline_sha256": "result:outline"},
        produces="check",
    ),
    ToolSpec(
        name="revise_article",
        summary="Rewrite the sections that the check or a person found wanting.",
        arguments=s.ReviseArticleArguments,
        result=s.ReviseArticleResult,
        tier="reversible",
        idempotency="local",
        cost=REVERSIBLE,
        timeout=INTERACTIVE_SECONDS,
        judged_by="save_draft",
        produces="revision",
        invalidates=_AFTER_WRITING,
    ),
    ToolSpec(
        name="save_draft",
        summary="Save the checked article as a Markdown draft with its title and description.",
        arguments=s.SaveDraftArguments,
        result=s.SaveDraftResult,
        tier="reversible",
        idempotency="idempotent",
        cost=REVERSIBLE,
        timeout=30.0,
        decision_point=True,
        decides="draft",
        control_arguments=frozenset({"slug"}),
        bindings={"slug": "task:slug", "article_sha256": "result:article"},
        produces="draft",
    ),
    ToolSpec(
        name="publish_content",
        summary="Publish the checked article to the company's site. This cannot be undone.",
        arguments=s.PublishContentArguments,
        result=s.PublishContentResult,
        tier="irreversible",
        idempotency="idempotent",
        cost=IRREVERSIBLE,
        timeout=60.0,
        risk="high",
        control_arguments=frozenset({"slug", "site"}),
        bindings={"slug": "task:slug", "site": "task:site", "article_sha256": "result:article"},
        produces="published",
        rejection_is_final=True,
        identity=_site_and_slug,
    ),
    ToolSpec(
        name="ask_human",
        summary="Ask a person for business context or a judgement that the material cannot give.",
        arguments=s.AskHumanArguments,
        result=s.AskHumanResult,
        tier="read-only",
        idempotency="idempotent",
        cost=READ,
        timeout=INTERACTIVE_SECONDS,
        attempts=READ_ATTEMPTS,
        produces="answer",
    ),
)

TOOLS: Final[Mapping[str, ToolSpec]] = MappingProxyType({spec.name: spec for spec in SPECS})
