"""Materials for the tests of the content pipeline: a small made-up result page, and a loop that plays the graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from core.actions import Proposal
from core.canonical import sha256
from core.domain import View
from domains.seo.domain import SeoDomain
from domains.seo.extractive import propose, self_report
from domains.seo.keyword import slugify
from domains.seo.measures import check
from domains.seo.profile import parse_profile
from tools.extract import NothingToRead, extract

ROOT = Path(__file__).parents[4]
SAMPLES = ROOT / "domains" / "seo" / "samples"
DOMAIN = SeoDomain()
Json = dict[str, Any]


@cache
def example_profile() -> Json:
    return parse_profile((ROOT / "profiles" / "example.yaml").read_text("utf-8"), "profiles/example.yaml").to_json()


def result(position: int, title: str, url: str, snippet: str = "") -> Json:
    return {"position": position, "url": url, "title": title, "snippet": snippet}


def serp_of(keyword: str, results: Sequence[Json], questions: Sequence[str] = (), **more: Any) -> Json:
    return {
        "keyword": keyword,
        "locale": "en-US",
        "engine": "bundled sample",
        "label": "bundled sample",
        "fetched": "2026-10-30",
        "snapshot": None,
        "results": list(results),
        "questions": list(questions),
        "related": [],
        **more,
    }


def page_entry(position: int, url: str, title: str, text: str) -> tuple[Json, dict[str, str]]:
    """A page of fetch_pages whose headings are the "## " lines of `text`, and its text by hash."""
    headings = [{"level": 2, "text": line[3:]} for line in text.splitlines() if line.startswith("## ")]
    digest = sha256(text)
    entry = {
        "url": url, "final_url": url, "position": position, "title": title, "status": 200, "ok": True, "reason": "",
        "text_sha256": digest, "words": len(text.split()), "headings": headings,
    }  # fmt: skip
    return entry, {digest: text}


def unread_entry(position: int, url: str, title: str, reason: str = "answers 403") -> Json:
    return {
        "url": url, "final_url": url, "position": position, "title": title, "status": 403, "ok": False,
        "reason": reason, "text_sha256": None, "words": 0, "headings": [],
    }  # fmt: skip


@dataclass
class Bench:
    """What a thread has so far. `view` is what the domain sees of it."""

    task: Json
    content: Json
    texts: dict[str, str] = field(default_factory=dict)
    feedback: list[Json] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)

    @property
    def view(self) -> View:
        return View(self.task, self.content, self.texts, tuple(self.feedback), tuple(self.declined))

    def materials(self, offered: Sequence[str]) -> list[Json]:
        messages = DOMAIN.messages(self.view, offered)
        return [json.loads(message.text) for message in messages if message.role == "material"]

    def propose(self) -> tuple[str, Json]:
        offered = DOMAIN.next_actions(self.view)
        return propose(self.materials(offered), self.feedback, offered)

    def proposal(self) -> Proposal:
        """The next proposal with bound arguments filled in and checked against the tool's schema."""
        action, arguments = self.propose()
        report = self_report(self.materials(DOMAIN.next_actions(self.view)), self.feedback, action, arguments)
        full = DOMAIN.tools[action].arguments.model_validate({**arguments, **self.bound(action)}).model_dump()
        return Proposal(id="p", action=action, arguments=full, report=report)

    def bound(self, action: str) -> Json:
        filled = {}
        for name, source in DOMAIN.tools[action].bindings.items():
            kind, _, key = source.partition(":")
            if kind == "task":
                filled[name] = self.task[key]
            elif key == "article":
                filled[name] = self.content["check"]["article_sha256"]
            else:
                filled[name] = sha256(self.content[key])
        return filled

    def apply(self, proposal: Proposal, outside: Mapping[str, Json]) -> None:
        """What the executor would do. `outside` has the results of the tools that look at the world."""
        spec, name = DOMAIN.tools[proposal.action], DOMAIN.tools[proposal.action].produced_name(proposal.arguments)
        outcome = self._outcome(proposal, name, outside)
        spec.result.model_validate(outcome)
        for gone in spec.invalidates:
            self.content.pop(gone, None)
        self.content[name] = outcome
        for change in proposal.arguments.get("changes", ()):
            self.content[f"section:{change['index']}"] = {**change, "revision": 2}

    def _outcome(self, proposal: Proposal, name: str, outside: Mapping[str, Json]) -> Json:
        if name in outside:
            return dict(outside[name])
        if proposal.action == "check_article":
            found, article = check(self.view)
            self.texts[found["article_sha256"]] = article
            return found
        if proposal.action == "save_draft":
            checked = self.content["check"]["article_sha256"]
            return {"path": "drafts/x.md", "sha256": "0" * 64, "article_sha256": checked}
        return {**proposal.arguments, "revision": self.content.get(name, {}).get("revision", 0) + 1}

    def walk(self, outside: Mapping[str, Json], seen: Callable[[Proposal], None] = lambda _: None) -> list[str]:
        """Propose and apply until nothing is left to do; returns the actions in order."""
        actions = []
        while DOMAIN.next_actions(self.view):
            proposal = self.proposal()
            actions.append(proposal.action)
            assert len(actions) < 40, actions
            seen(proposal)
            self.apply(proposal, outside)
        return actions

    def walk_until(self, action: str, outside: Mapping[str, Json]) -> Bench:
        while DOMAIN.next_actions(self.view)[0] != action:
            self.apply(self.proposal(), outside)
        return self


def bench_for(
    serp: Json, pages: Sequence[tuple[Json, dict[str, str]]], model: str = "offline-extractive"
) -> tuple[Bench, Json]:
    """A thread that has done nothing yet, and the outside world it will find."""
    keyword, profile = serp["keyword"], example_profile()
    task = {
        "domain": "seo", "tenant": profile["id"], "keyword": keyword, "locale": serp["locale"], "model": model,
        "slug": slugify(keyword), "site": profile["site"], "profile": {}, "requester": "t", "content_dir": "/tmp/none",
    }  # fmt: skip
    entries = [entry for entry, _ in pages]
    read = sum(entry["ok"] for entry in entries)
    texts = {digest: text for _, found in pages for digest, text in found.items()}
    outside = {"serp": serp, "pages": {"pages": entries, "read": read, "failed": len(entries) - read}}
    return Bench(task, {"profile": profile}, texts), outside


def small_world(extra: str = "") -> tuple[Json, list[tuple[Json, dict[str, str]]]]:
    """Four results about one topic: two lists, one guide, one product page. `extra` is added to the first page."""
    results = [
        result(1, "7 Best CRMs for Tiny Teams", "https://one.example/best/crm-tiny-teams", "Seven tools compared."),
        result(2, "The 5 Best CRM Tools for Tiny Teams", "https://two.example/best/crm", "Five picks."),
        result(3, "How to Choose a CRM: A Guide", "https://three.example/guides/choose-crm", "A step-by-step guide."),
        result(4, "CRM for Teams | Hobnail", "https://four.example/solutions/teams", "Free trial. Sign up."),
        result(5, "CRM news", "https://five.example/news/crm", "What is new."),
    ]
    texts = [
        "## How much does a CRM cost?\n\nThe median price was $24 per seat in our test of 41 tools.\n\n"
        "## What to look for\n\nTeams with email capture logged 94% of their conversations.\n\n" + extra,
        "## What does a CRM cost?\n\nAcross 120 invoices a team of five paid $31 per seat.\n\n"
        "## Features to look for\n\nExport of notes was missing in 9 of 14 tools.\n\n## Common mistakes\n\n"
        "Most teams imported every contact on the first day and cleaned up for 3 weeks.",
        "## When do you need a CRM?\n\nWait until 40 open deals, because a spreadsheet works up to then.\n\n"
        "## Common mistakes\n\nCompanies copy the stages of a firm with 300 people.\n\n"
        "## How long does setup take?\n\nSetup took 11 hours in the median team of our study.",
        "## Simple pricing\n\nOur plan costs $19 per seat a month for every feature.\n\n"
        "## Get started\n\nSign up today and talk to our team.",
    ]
    pages = [
        page_entry(row["position"], row["url"], row["title"], text)
        for row, text in zip(results[:4], texts, strict=True)
    ]
    pages.append((unread_entry(5, results[4]["url"], results[4]["title"]), {}))
    questions = ["How much does a CRM cost?", "When should a small team buy a CRM?"]
    return serp_of("crm for tiny teams", results, questions), pages


def small_bench(extra: str = "", model: str = "offline-extractive") -> tuple[Bench, Json]:
    serp, pages = small_world(extra)
    return bench_for(serp, pages, model)


def sample_slugs() -> list[str]:
    return sorted(path.parent.name for path in SAMPLES.glob("*/serp.json"))


@cache
def sample_world(slug: str) -> tuple[Json, tuple[tuple[Json, dict[str, str]], ...]]:
    """A bundled sample as search_serp and fetch_pages would give it."""
    data = json.loads((SAMPLES / slug / "serp.json").read_text("utf-8"))
    rows = [result(row["position"], row["title"], row["url"], row["snippet"]) for row in data["results"]]
    serp = serp_of(data["keyword"], rows, data["questions"], locale=data["locale"], snapshot=slug)
    return serp, tuple(_sample_page(slug, row) for row in data["results"])


def _sample_page(slug: str, row: Mapping[str, Any]) -> tuple[Json, dict[str, str]]:
    path = SAMPLES / slug / row.get("page", "none")
    try:
        found = extract(path.read_text("utf-8"))
    except (OSError, NothingToRead):
        return unread_entry(row["position"], row["url"], row["title"]), {}
    entry, texts = page_entry(row["position"], row["url"], found.title or row["title"], found.text)
    return {**entry, "headings": [heading._asdict() for heading in found.headings]}, texts
