"""The research brief: what is known and decided so far, as one Markdown file a content lead can work from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from core.domain import View
from domains.seo.angle import standings
from domains.seo.extracts import Extract
from domains.seo.formats import FORMAT_NAMES, Format, distribution_in_words
from domains.seo.outline import suggest
from domains.seo.research import Research, display, mixedness, names_in_words, research_of, site_of
from domains.seo.research_pack import figures_by_kind, is_angle_section, link, quotes_for
from domains.seo.text import joined, plain_line, plural

QUOTES: Final = 4
"""Quotes per section."""


def exports(view: View) -> dict[str, str]:
    """<slug>/brief.md once there are results, <slug>/article.md once there is a checked article to read."""
    if "serp" not in view.content:
        return {}
    files = {f"{view.task['slug']}/brief.md": brief(view)}
    if check := view.content.get("check"):
        files[f"{view.task['slug']}/article.md"] = _article(view, check)
    return files


def _article(view: View, check: Mapping[str, Any]) -> str:
    """The checked article as a reviewer reads it before it is saved; the problems found stand above it."""
    fields = {
        "kind": "checked article, not saved as a draft by this file",
        "model": view.task.get("model", ""),
        **{name: check[name] for name in ("words", "intent_match", "own_angle", "relevance")},
        "problems": [f"{found['measure']}: {found['says']}" for found in check["problems"]],
    }
    article = view.content.get("draft", check)["article_sha256"]  # a person may have edited it when it was saved
    return f"{_yaml(fields)}\n\n{view.texts[article]}"


def brief(view: View) -> str:
    """The brief at this stage. What is not decided is given as a suggestion and says so."""
    research = research_of(view)
    parts = [
        _front_matter(view),
        f"# Research brief: {plain_line(display(research.keyword, [each.title for each in research.readings]))}",
        _data(view),
        _formats(research),
        _intent(view, research),
        _angle(view, research),
        *_outline(view, research),
        _questions(research),
        _sources(view),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _front_matter(view: View) -> str:
    serp, content = view.content["serp"], view.content
    fields = {
        "kind": "research brief",
        "keyword": view.task["keyword"],
        "locale": view.task["locale"],
        "data": serp["label"],
        "engine": serp["engine"],
        "fetched": serp["fetched"],
        "snapshot": serp["snapshot"],
        "model": view.task.get("model", ""),
        "decided": [name for name in ("intent", "angle", "outline") if name in content],
    }
    return _yaml(fields)


def _yaml(fields: Mapping[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True, width=1000)}---"


def _data(view: View) -> str:
    serp, pages = view.content["serp"], view.content.get("pages")
    read = (
        f"{pages['read']} of {plural(pages['read'] + pages['failed'], 'page')} read" if pages else "pages not read yet"
    )
    label = plain_line(str(serp["label"]))
    engine = plain_line(str(serp["engine"]))
    where = label if engine.lower() in label.lower() else f"{engine} ({label})"
    return f"{plural(len(serp['results']), 'result')} from {where}, fetched {serp['fetched']}; {read}."


def _positions(research: Research, name: Format) -> str:
    return ", ".join(str(reading.position) for reading in research.readings if reading.format == name)


def _formats(research: Research) -> str:
    rows = "\n".join(
        f"| {FORMAT_NAMES[name][1]} | {count} | {_positions(research, name)} |" for name, count in research.formats
    )
    unsure = f"\n\n{plural(research.unsure, 'result')} showed no known sign of a format." if research.unsure else ""
    names = f"\n\nNamed in the headings of several pages: {names_in_words(research)}." if research.names else ""
    return (
        f"## Formats\n\n{mixedness(research)}\n\n| Format | Results | Positions |\n|---|---|---|\n{rows}{unsure}{names}"
    )


def _intent(view: View, research: Research) -> str:
    decided = view.content.get("intent")
    if decided is None:
        shares = distribution_in_words(research.distribution)
        first = FORMAT_NAMES[research.formats[0][0]][0] if research.formats else "unknown"
        return f"## Intent (suggested by the results, not decided)\n\n{shares}. Most frequent format: {first}."
    shares = distribution_in_words(decided["distribution"])
    lines = [
        f"{shares}. Format: {FORMAT_NAMES[decided['format']][0]}.",
        f"Reader: {plain_line(decided['reader'])}",
        f"Because: {plain_line(decided['because'])}",
    ]
    return "## Intent\n\n" + "\n\n".join(lines)


def _angle(view: View, research: Research) -> str:
    decided, profile = view.content.get("angle"), view.content.get("profile", {})
    if decided is None:
        lines = [
            f"- {plain_line(str(each.position['claim']))} (closest sentence of a result: "
            f"{round(100 * each.coverage)} % of its words)"
            for each in standings(profile, research.pages, research.keyword)[:3]
        ]
        if not lines or not research.pages:
            return ""
        return "## Angle (not decided)\n\nPositions that the pages cover least:\n\n" + "\n".join(lines)
    rests = f"\n\nRests on the position `{decided['position_id']}`." if decided["position_id"] else ""
    return f"## Angle\n\n**{plain_line(decided['angle'])}**\n\n{_text(decided['differs_because'])}{rests}"


def _text(text: str) -> str:
    """Our own sentences with a citation in them, kept on one line; angle brackets cannot start HTML."""
    return " ".join(text.split()).replace("<", "\\<")


def _outline(view: View, research: Research) -> list[str]:
    outline = view.content.get("outline")
    if outline is None and not research.pages:
        return ["## Outline\n\nNo page was read yet, so there is nothing to suggest one from."]
    title = "## Outline"
    if outline is None:
        format_ = view.content.get("intent", {}).get("format") or research.formats[0][0]
        outline = suggest(research, format_, view.content.get("angle", {}).get("angle", "still to be decided"))
        title += " (suggested from what the pages have in common, not decided)"
    sections = [_section(index, outline, research) for index in range(len(outline["sections"]))]
    return [
        f"{title}\n\n**{plain_line(outline['title'])}**\n\n{_contents(outline)}",
        "## What the pages say, by section",
        *sections,
    ]


def _contents(outline: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{number}. **{plain_line(each['heading'])}** {plain_line(each['purpose'])}"
        for number, each in enumerate(outline["sections"], start=1)
    )


def _section(index: int, outline: Mapping[str, Any], research: Research) -> str:
    section = outline["sections"][index]
    asked = "".join(f"\n- {plain_line(question)}" for question in section["questions"])
    quotes = quotes_for(index, outline, research.pages, research.keyword)
    quoted = "\n\n".join(_quote(quote) for quote in quotes[: QUOTES * 2 if len(quotes) > 2 * QUOTES else QUOTES])
    parts = [f"### {index + 1}. {plain_line(section['heading'])}"]
    parts += [f"Answers:\n{asked}"] if asked else []
    close = is_angle_section(index, outline)
    parts += [quoted or ("No page says anything close to it." if close else "Nothing quotable was found.")]
    for kind, figures in figures_by_kind(quotes).items():
        if len({quote.url for _, quote in figures}) > 1:
            parts.append(
                f"Figures differ, {kind}: " + joined(f"{figure} ({site_of(quote.url)})" for figure, quote in figures)
            )
    return "\n\n".join(parts)


def _quote(quote: Extract) -> str:
    heading = f", under “{plain_line(quote.sentence.heading)}”" if quote.sentence.heading else ""
    return f"> {plain_line(quote.text)} [{quote.position}]({link(quote.url)}) ({site_of(quote.url)}{heading})"


def _questions(research: Research) -> str:
    lines = [
        f"- {plain_line(question.text)}"
        + (f" ([{site_of(question.url)}]({link(question.url)}))" if question.url else "")
        for question in research.questions
    ]
    return "## Questions people ask\n\n" + "\n".join(lines) if lines else ""


def _sources(view: View) -> str:
    serp, pages = view.content["serp"], view.content.get("pages", {}).get("pages", ())
    states = {page["url"]: page for page in pages}
    lines = [_source(result, states.get(result["url"])) for result in serp["results"]]
    return "## Sources\n\n" + "\n".join(lines)


def _source(result: Mapping[str, Any], page: Mapping[str, Any] | None) -> str:
    state = (
        "not fetched" if page is None else "read" if page["ok"] else f"could not be read: {plain_line(page['reason'])}"
    )
    return f"{result['position']}. [{plain_line(result['title'])}]({link(result['url'])}) ({state})"
