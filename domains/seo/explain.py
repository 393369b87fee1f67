"""A proposal in a content lead's words: what it is, what approving it does, what makes it hard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.actions import Proposal
from core.domain import Explanation, View
from domains.seo.angle import RELATED, standings
from domains.seo.claims import claims
from domains.seo.formats import FORMAT_NAMES, distance, distribution_in_words
from domains.seo.measures import keyword_fit
from domains.seo.pages import pages_of
from domains.seo.research import majority, mixedness, research_of
from domains.seo.text import addresses_machines, plural

NOTHING_LEAVES: Final = "Nothing leaves this machine."
APPROVING: Final[Mapping[str, str]] = {
    "search_serp": "ask the search provider for the results of this keyword. The keyword leaves this machine.",
    "fetch_pages": "read the result pages over the network. Their sites see the requests.",
    "set_intent": f"store this intent and build the outline on it. {NOTHING_LEAVES}",
    "set_angle": f"store this angle; outline and sections follow it. {NOTHING_LEAVES}",
    "set_outline": f"store this outline; its sections are written next. {NOTHING_LEAVES}",
    "write_section": f"store this section as a new revision. {NOTHING_LEAVES}",
    "check_article": f"put the article together and measure it. {NOTHING_LEAVES}",
    "revise_article": f"store new revisions of these sections; the article is checked again. {NOTHING_LEAVES}",
    "save_draft": "write the draft and the brief to the local content folder. Nothing is published.",
    "ask_human": "pass the answer to the agent.",
}
WITHIN: Final = 0.1
"""Margin of two intents below which the difference says little."""
LOW: Final = 0.5
MEASURES: Final[Mapping[str, str]] = {
    "intent_match": "Intent match",
    "own_angle": "Own angle",
    "relevance": "Business relevance",
}


def explain(view: View, proposal: Proposal) -> Explanation:
    """The proposal for a person. Never raises for arguments that a person may have edited into another shape."""
    action, arguments = proposal.action, proposal.arguments
    if action == "publish_content":
        where = f"published/{arguments.get('slug', '')}.md of {arguments.get('site', '')}"
        will = f"publish this article: write it to {where}. Who reads from there sees it at once; it cannot be undone."
    else:
        will = APPROVING.get(action, f"run {action}.")
    return Explanation(_proposed(action, arguments), will, tuple(_evidence(view)), claims(view, proposal))


def _proposed(action: str, arguments: Mapping[str, Any]) -> str:
    match action:
        case "set_intent":
            shares = distribution_in_words(arguments.get("distribution", {}))
            return f"intent: {shares} · format: {arguments.get('format', '')} · reader: {arguments.get('reader', '')}"
        case "set_angle":
            position = f" · position: {arguments['position_id']}" if arguments.get("position_id") else ""
            return f"angle: {arguments.get('angle', '')}{position} · differs: {arguments.get('differs_because', '')}"
        case "set_outline":
            sections = arguments.get("sections", ())
            headings = " / ".join(str(section.get("heading", "")) for section in sections)
            return f"outline: {arguments.get('title', '')} · {plural(len(sections), 'section')}: {headings}"
        case "write_section":
            cited = plural(len(arguments.get("citations", ())), "citation")
            count = len(str(arguments.get("markdown", "")).split())
            return f"section {int(arguments.get('index', 0)) + 1}, {plural(count, 'word')}, {cited}"
        case "revise_article":
            changed = plural(len(arguments.get("changes", ())), "section")
            return f"revision of {changed}: {arguments.get('note', '')}"
        case "save_draft":
            return f"draft: {arguments.get('title', '')} · {arguments.get('description', '')}"
        case "publish_content":
            return f"publish: {arguments.get('title', '')} at {arguments.get('site', '')}"
        case "ask_human":
            return f"question: {arguments.get('question', '')} · why: {arguments.get('why', '')}"
    return action.replace("_", " ")


def _evidence(view: View) -> list[dict[str, str]]:
    content = view.content
    found = []
    if serp := content.get("serp"):
        label = f"{plural(len(serp['results']), 'result')} for “{serp['keyword']}”, {serp['label']}, {serp['fetched']}"
        found.append({"label": label, "source": str(serp["engine"]), "trust": "untrusted"})
    for page in content.get("pages", {}).get("pages", ()):
        said = f"{page['words']} words" if page["ok"] else f"not read: {page['reason']}"
        found.append(
            {
                "label": f"{page['position']}. {page['title'] or page['url']} ({said})",
                "source": page["url"],
                "trust": "untrusted",
            }
        )
    if profile := content.get("profile"):
        label = f"profile of {profile['company']}: {plural(len(profile['positions']), 'position')}"
        found.append({"label": label, "source": str(profile["id"]), "trust": "profile"})
    if check := content.get("check"):
        measures = ", ".join(f"{name.lower()} {check[key]:.2f} of 1" for key, name in MEASURES.items())
        found.append(
            {
                "label": f"check: {measures}; {plural(len(check['problems']), 'problem')}",
                "source": "check_article",
                "trust": "trusted",
            }
        )
    return found


def reasons(view: View, proposal: Proposal) -> tuple[str, ...]:
    """What in the evidence makes this decision hard, most important first."""
    match proposal.action:
        case "set_intent":
            return tuple(_about_intent(view, proposal.arguments))
        case "set_angle":
            return tuple(_about_angle(view, proposal.arguments))
        case "set_outline":
            return tuple(_about_outline(view, proposal.arguments))
        case "save_draft" | "publish_content":
            return tuple(_about_article(view))
    return ()


def _about_intent(view: View, arguments: Mapping[str, Any]) -> list[str]:
    research = research_of(view)
    said = [] if majority(research) else [mixedness(research)]
    ordered = sorted(research.distribution.items(), key=lambda item: -item[1])
    if ordered[0][1] - ordered[1][1] < WITHIN:
        said.append(f"The two strongest intents are close: {distribution_in_words(dict(ordered[:2]))}.")
    count = dict(research.formats).get(arguments.get("format", "list"), 0)
    if research.formats and count < research.formats[0][1]:
        name = FORMAT_NAMES.get(arguments.get("format", "list"), ("", "of this format"))[1]
        first = FORMAT_NAMES[research.formats[0][0]][1]
        said.append(f"{count} of {len(research.readings)} results are {name}; more are {first}.")
    if distance(arguments.get("distribution", {}), research.distribution) >= LOW:
        said.append(f"Counted over the results the intent is another: {distribution_in_words(research.distribution)}.")
    profile, keyword = view.content.get("profile", {}), research.keyword
    if profile and keyword_fit(profile, keyword) == 0:
        said.append(f"Nothing in your profile has to do with “{keyword}”; those who search for it may never buy.")
    return said + _about_pages(view)


def _about_pages(view: View) -> list[str]:
    read = pages_of(view)
    unread = [page for page in view.content.get("pages", {}).get("pages", ()) if not page["ok"]]
    said = []
    if unread:
        first = f"{unread[0]['url']}: {unread[0]['reason']}"
        said.append(f"{plural(len(unread), 'page')} of {len(unread) + len(read)} could not be read ({first}).")
    speaking = [page for page in read if any(addresses_machines(line) for line in page.text.splitlines())]
    if speaking:
        said.append(
            f"{plural(len(speaking), 'page')} with text that addresses programs instead of readers "
            f"({speaking[0].url}); that text was left out."
        )
    return said


def _about_angle(view: View, arguments: Mapping[str, Any]) -> list[str]:
    found = standings(view.content.get("profile", {}), pages_of(view), str(view.task.get("keyword", "")))
    chosen = next((each for each in found if each.position["id"] == arguments.get("position_id")), None)
    if chosen is None:
        return ["The angle rests on none of the profile's positions, so there is no first-party evidence for it."]
    said = []
    if chosen.related < RELATED:
        said.append("The position hardly shares a word with the results; it may not fit this keyword.")
    if chosen.coverage >= LOW and chosen.closest is not None:
        said.append(f"A result comes close to saying it: “{chosen.closest.text}” ({chosen.closest.page.url}).")
    others = [each for each in found if each is not chosen and each.related >= RELATED]
    if others:
        ids = ", ".join(str(each.position["id"]) for each in others[:3])
        said.append(f"{plural(len(others), 'other position')} would fit too: {ids}.")
    return said


def _about_outline(view: View, arguments: Mapping[str, Any]) -> list[str]:
    research = research_of(view)
    shared = [topic for topic in research.topics if topic.support > 1]
    said = []
    if len(shared) < len(arguments.get("sections", ())) / 2:
        said.append(
            f"The pages have little in common: {plural(len(shared), 'topic')} with more than one page behind it."
        )
    intent = view.content.get("intent", {}).get("format")
    if intent in {"product", "category", "tool", "landing", "template"}:
        said.append(f"The decided format is {FORMAT_NAMES[intent][0]}; an article's outline can only stand in for it.")
    return said


def _about_article(view: View) -> list[str]:
    check = view.content.get("check")
    if not check:
        return ["The article was not checked."]
    low = [f"{name} is {check[key]:.2f} of 1." for key, name in MEASURES.items() if check[key] < LOW]
    return [*low, *(str(each["says"]) for each in check["problems"])]
