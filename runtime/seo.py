"""The content pipeline in the runtime: its adapters, its offline algorithm, and how a keyword becomes a thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from core.actions import Ref
from core.canonical import canonical_json
from core.errors import BadInput
from core.ports import Artifacts, Tool, ToolContext, ToolOutput
from domains.seo.domain import SeoDomain
from domains.seo.keyword import check_locale, clean_keyword, slugify
from domains.seo.measures import check
from domains.seo.profile import Profile, parse_profile
from nodes.views import load_view
from runtime.intake import NewThread, bundled, text_of
from runtime.settings import Settings
from tools.content_folder import PublishContent, SaveDraft
from tools.documents import ReviseSections, SaveDocument
from tools.duckduckgo import DuckDuckGo
from tools.fetch_pages import FetchPages
from tools.search_serp import SearchSerp, SerpProvider
from tools.serp_file import SerpFile
from tools.serper import Serper
from tools.snapshots import Snapshots

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

DOMAIN: Final = SeoDomain()


def snapshots() -> Snapshots:
    return Snapshots(Path(str(resources.files("domains.seo").joinpath("samples"))))


def bundled_samples() -> list[dict[str, str]]:
    """keyword and locale of every bundled sample."""
    folder = Path(str(resources.files("domains.seo").joinpath("samples")))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*/serp.json"))]
    return [{name: document[name] for name in ("keyword", "locale")} for document in documents]


def search(settings: Settings, serp_file: Path | None = None) -> SearchSerp:
    """Where results come from, in order: the person's file, a keyed provider, DuckDuckGo; bundled samples come last."""
    providers: list[SerpProvider] = []
    if serp_file is not None:
        providers.append(SerpFile(serp_file))
    if settings.serper_api_key is not None:
        providers.append(Serper(settings.serper_api_key.get_secret_value(), settings.serper_base_url))
    if settings.ddgs == "on":
        providers.append(DuckDuckGo())
    return SearchSerp(providers, snapshots())


def adapters(settings: Settings) -> Mapping[str, Tool]:
    """Tool name -> adapter."""
    return {
        "search_serp": search(settings),
        "fetch_pages": FetchPages(snapshots(), settings.private_hosts, settings.contact),
        "set_intent": SaveDocument("intent"),
        "set_angle": SaveDocument("angle"),
        "set_outline": SaveDocument("outline"),
        "write_section": SaveDocument("section:{index}"),
        "revise_article": ReviseSections(),
        "check_article": check_article,
        "save_draft": SaveDraft(),
        "publish_content": PublishContent(),
        "ask_human": ask_human,
    }


async def check_article(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    """The domain's measures over what the thread has written; the assembled article is stored beside the result."""
    view = await load_view(context.artifacts, DOMAIN.reads, context.task, context.results)
    result, article = check(view)
    stored = await context.artifacts.put(context.site.tenant, article, "text/markdown", "check_article", "model")
    problems = result["problems"]
    summary = (
        f"{result['words']} words, {len(problems)} problems" if problems else f"{result['words']} words, no problems"
    )
    return ToolOutput({**result, "article_sha256": stored.sha256}, also={"article": stored}, summary=summary)


async def ask_human(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    """Never called: the graph turns the question into a review."""
    raise BadInput("A question to a person is not executed; it is reviewed.")


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for, as they typed it."""

    keyword: str
    locale: str
    profile: Path
    serp: Path | None
    requester: str


class Asked(BaseModel):
    """What starts a thread."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keyword: Annotated[str, Field(description="What people search for.")]
    locale: Annotated[str, Field(description="Language, optionally with a country.")] = "en-US"
    profile: Annotated[Path | None, Field(description="Company profile (YAML); AUTONOMY_PROFILE.")] = None
    serp: Annotated[Path | None, Field(description="Search results (JSON).")] = None


async def intake(settings: Settings, artifacts: Artifacts, model: str, asked: Asked, requester: str) -> NewThread:
    """As `prepare`, with the profile of the settings where none is given."""
    profile = asked.profile or settings.profile or bundled_profile()
    request = Request(asked.keyword, asked.locale, profile, asked.serp, requester)
    return await prepare(settings, artifacts, model, request)


async def prepare(settings: Settings, artifacts: Artifacts, model: str, asked: Request) -> NewThread:
    """A thread for one keyword. Everything a person can get wrong is found here, before anything is stored.

    Raises BadInput: keyword, locale, profile or search results.
    """
    keyword, locale = clean_keyword(asked.keyword), check_locale(asked.locale)
    company = await read_company(artifacts, asked.profile)
    found = await search(settings, asked.serp).resolve(keyword, locale)
    serp = await artifacts.put(
        company.tenant, canonical_json(found.to_json()), "application/json", found.label, "untrusted"
    )
    new = keyword_thread(settings, company, model, asked.requester, keyword, locale)
    return replace(new, task={**new.task, "serp": serp.to_json()})


@dataclass(frozen=True, slots=True)
class Company:
    """A profile that was read and stored. `tenant` is its id."""

    tenant: str
    site: str
    profile: Ref


async def read_company(artifacts: Artifacts, path: Path) -> Company:
    """Raises BadInput naming the file and everything that is wrong with it."""
    parsed = await asyncio.to_thread(read_profile, path)
    text = canonical_json(parsed.model_dump(mode="json"))
    stored = await artifacts.put(parsed.id, text, "application/json", path.name, "profile")
    return Company(parsed.id, str(parsed.site), stored)


def keyword_thread(
    settings: Settings, company: Company, model: str, requester: str, keyword: str, locale: str
) -> NewThread:
    """A thread whose run looks for the search results itself; keyword and locale are clean."""
    task = {
        "domain": DOMAIN.name,
        "tenant": company.tenant,
        "keyword": keyword,
        "locale": locale,
        "slug": slugify(keyword),
        "site": company.site,
        "profile": company.profile.to_json(),
        "model": model,
        "requester": requester,
        "content_dir": str(settings.content / company.tenant),
    }
    return NewThread(DOMAIN.name, company.tenant, keyword, task, requester)


def bundled_profile() -> Path:
    """The example company that ships along."""
    return bundled("example.yaml")


def read_profile(path: Path) -> Profile:
    """Raises BadInput naming the file and everything that is wrong with it."""
    return parse_profile(text_of(path), str(path))


def offline_model() -> BaseChatModel:
    """The algorithm that stands in where no language model is."""
    from domains.seo.extractive import propose, self_report
    from runtime.extractive_model import OfflineExtractive

    return OfflineExtractive(propose=propose, self_report=self_report)
