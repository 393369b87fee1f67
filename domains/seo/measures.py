"""The three silent failures, measured; first version. All measures are 0..1 with 1 = no sign of the failure.

intent_match (wrong search intent): mean of
  1. nearness of the decided intent to the one that the results show (1 - total variation distance);
  2. how common the decided format is among the results, against the most common one;
  3. whether the article's title and headings read as the decided format (1 yes, .5 cannot tell, 0 another);
  4. nearness of the intent that the article's own wording shows to the decided one.
own_angle (generic point of view): the smaller of
  1. originality: share of the article's five-word runs that are in none of the pages;
  2. presence: the largest share of the angle's content words in one paragraph of the article's own words, averaged with
     the same for its best evidence when the angle rests on a position.
relevance (no business relevance): mean of pains addressed (two are enough), product named, a call to action linked, and
  an internal link (when the profile has any); halved when the profile says nothing about what is searched for (half of
  the keyword's words in it are enough), and halved when a forbidden claim is made.

They read words, not meaning: a good paraphrase of an angle scores low, a hollow repetition of it scores high. They are
there to raise doubt, never to clear an article. Citations, voice and structure only give problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from core.canonical import sha256
from core.domain import View
from domains.seo.article import Article, assemble, read_article, sections_of
from domains.seo.citations import citation_problems
from domains.seo.formats import FORMAT_NAMES, distance, distribution_in_words, format_of, intent_of
from domains.seo.research import Research, formats_in_words, research_of
from domains.seo.text import covered, plural, sentences, shingles, tokens, words

LOW: Final = 0.5
"""A measure below this is a problem in itself."""
ADDRESSED: Final = 0.5
"""Share of a pain's content words in one paragraph from which it counts as addressed."""
CLAIMED: Final = 0.8
"""Share of a forbidden claim's content words in one sentence from which it counts as made."""
ENOUGH_PAINS: Final = 2
ENOUGH_FIT: Final = 0.5
"""Share of the keyword's words that the profile must use to have to do with it."""
FEWEST_WORDS: Final = 25
"""Words from which a section is more than a placeholder."""

Problem = dict[str, str]


def check(view: View) -> tuple[dict[str, Any], str]:
    """The result of the tool check_article, and the article it is about as Markdown. Needs an outline."""
    outline, sections = view.content["outline"], sections_of(view.content)
    markdown = assemble(outline, sections)
    article, research = read_article(markdown), research_of(view)
    profile = view.content.get("profile", {})
    intent_match, intent_problems = _intent(view.content.get("intent"), outline, article, research)
    own_angle, angle_problems = _angle(view.content.get("angle"), profile, markdown, article, research)
    relevance, relevance_problems = _relevance(profile, article, research.keyword)
    result = {
        "article_sha256": sha256(markdown),
        "words": len(words(markdown)),
        "citations": sum(len(section["citations"]) for section in sections.values()),
        "intent_match": round(intent_match, 2),
        "own_angle": round(own_angle, 2),
        "relevance": round(relevance, 2),
        "problems": [
            *intent_problems, *angle_problems, *relevance_problems, *_voice_problems(profile, article),
            *citation_problems(view, sections, article), *_structure_problems(outline, sections),
        ][:200],
    }  # fmt: skip
    return result, markdown


def problem(measure: str, says: str) -> Problem:
    return {"measure": measure, "says": says[:1000]}


def _mean(parts: Sequence[float]) -> float:
    return sum(parts) / len(parts) if parts else 0.0


def _intent(
    intent: Mapping[str, Any] | None, outline: Mapping[str, Any], article: Article, research: Research
) -> tuple[float, list[Problem]]:
    if intent is None:
        return 0.0, [problem("intent", "No intent was decided.")]
    decided, wanted = intent["distribution"], intent["format"]
    guess = format_of(str(outline["title"]), "", article.headings[1:])
    wording = " ".join([str(outline["title"]), *(str(each["heading"]) for each in outline["sections"])])
    counts = dict(research.formats)
    common = counts.get(wanted, 0) / max(counts.values(), default=1)
    as_results = 1 - distance(decided, research.distribution)
    as_format = 1.0 if guess.format == wanted else 0.5 if guess.cues == 0 else 0.0
    as_decided = 1 - distance(intent_of(guess.format, wording), decided)
    problems = []
    if common < LOW:
        problems.append(_rare_format(wanted, counts.get(wanted, 0), research))
    if as_format == 0:
        problems.append(
            problem("intent", f"The decision was {_a(wanted)}; title and headings read as {_a(guess.format)}.")
        )
    if as_results < LOW:
        shown, said = distribution_in_words(research.distribution), distribution_in_words(decided)
        problems.append(problem("intent", f"The decided intent ({said}) is far from what the results show ({shown})."))
    return _mean([as_results, common, as_format, as_decided]), problems


def _rare_format(wanted: str, count: int, research: Research) -> Problem:
    return problem(
        "intent",
        f"{count} of {len(research.readings)} results are of the decided format ({wanted}); "
        f"the results are {formats_in_words(research.formats)}.",
    )


def _a(name: str) -> str:
    singular = next((names[0] for key, names in FORMAT_NAMES.items() if key == name), name)
    return f"{'an' if singular[0] in 'aeiou' else 'a'} {singular}"


def originality(markdown: str, pages: Sequence[str]) -> float:
    """Share of the five-word runs of `markdown` that are in none of `pages`, 0..1; 1 when there are none."""
    runs = shingles(markdown)
    theirs = set().union(*(shingles(page) for page in pages)) if pages else set()
    return len(runs - theirs) / len(runs) if runs else 1.0


def _presence(claim: str, paragraphs: Sequence[str]) -> float:
    wanted = tokens(claim)
    return max((covered(wanted, tokens(paragraph)) for paragraph in paragraphs), default=0.0)


def _angle(
    angle: Mapping[str, Any] | None, profile: Mapping[str, Any], markdown: str, article: Article, research: Research
) -> tuple[float, list[Problem]]:
    if angle is None:
        return 0.0, [problem("angle", "No angle was decided.")]
    original = originality(markdown, [page.text for page in research.pages])
    present = _presence(str(angle["angle"]), article.own)
    position = next((each for each in profile.get("positions", ()) if each["id"] == angle.get("position_id")), None)
    says, problems = [present], []
    if original < LOW:
        share = round(100 * (1 - original))
        problems.append(
            problem("angle", f"{share} % of the article's five-word runs are in the results; it reads like them.")
        )
    if present < LOW:
        problems.append(problem("angle", f"The angle is hardly in the article's own words: {angle['angle']}"))
    if position is not None:
        proof = max(_presence(str(each["what"]), article.own) for each in position["evidence"])
        says.append(proof)
        if proof < LOW:
            problems.append(
                problem("angle", f"None of your evidence for the position {position['id']} is in the article.")
            )
    return min(original, _mean(says)), problems


def _relevance(profile: Mapping[str, Any], article: Article, keyword: str) -> tuple[float, list[Problem]]:
    if not profile:
        return 0.0, [problem("relevance", "There is no company profile to be relevant to.")]
    pains = profile["icp"]["pains"]
    addressed = [pain for pain in pains if _presence(str(pain), article.own) >= ADDRESSED]
    named = str(profile["product"]["name"]).lower() in " ".join(article.own).lower()
    actions = {str(each["url"]) for each in profile["calls_to_action"]}
    internal = {str(each["url"]) for each in profile.get("internal_links", ())}
    parts = [min(1.0, len(addressed) / min(ENOUGH_PAINS, len(pains))), float(named), float(_links(article, actions))]
    parts += [float(_links(article, internal))] if internal else []
    fit = keyword_fit(profile, keyword)
    says = {
        f"Nothing in your profile has to do with “{keyword}”; those who search for it may never buy.": fit == 0,
        f"None of the {plural(len(pains), 'pain')} of your customers is addressed.": not addressed,
        f"{profile['product']['name']} is not mentioned.": not named,
        "No call to action is linked.": not _links(article, actions),
        "No internal link is used.": bool(internal) and not _links(article, internal),
    }
    problems = [problem("relevance", text) for text, holds in says.items() if holds]
    made = list(_forbidden(profile, article))
    problems += [problem("relevance", f"A forbidden claim is made: “{sentence}” ({claim})") for claim, sentence in made]
    return _mean(parts) * (0.5 + fit / 2) * (0.5 if made else 1.0), problems


def keyword_fit(profile: Mapping[str, Any], keyword: str) -> float:
    """0 when no word of the keyword is in the profile, 1 from ENOUGH_FIT of them on; 1 without a keyword to compare."""
    wanted = tokens(keyword)
    ours = tokens(" ".join(_words_of(profile)))
    return min(1.0, covered(wanted, ours) / ENOUGH_FIT) if wanted else 1.0


def _words_of(value: Any) -> Iterator[str]:
    """Every text in a profile but addresses, tone and what must not be said."""
    if isinstance(value, str):
        yield "" if value.startswith("https://") else value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from () if name in {"voice", "forbidden_claims", "not_for", "id"} else _words_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _words_of(part)


def _links(article: Article, urls: set[str]) -> bool:
    return any(link in urls for link in article.links)


def _forbidden(profile: Mapping[str, Any], article: Article) -> Iterator[tuple[str, str]]:
    for claim in profile.get("forbidden_claims", ()):
        wanted = tokens(str(claim))
        for paragraph in article.own:
            for sentence in sentences(paragraph):
                if wanted and covered(wanted, tokens(sentence)) >= CLAIMED:
                    yield str(claim), sentence


def _voice_problems(profile: Mapping[str, Any], article: Article) -> Iterator[Problem]:
    own = " ".join(article.own)
    for avoided in profile.get("voice", {}).get("avoid", ()):
        found = len(re.findall(rf"(?<!\w){re.escape(str(avoided))}(?!\w)", own, re.I))
        if found:
            yield problem("voice", f"“{avoided}” is used {plural(found, 'time')}; the profile avoids it.")


def _structure_problems(outline: Mapping[str, Any], sections: Mapping[int, Mapping[str, Any]]) -> Iterator[Problem]:
    headings = [" ".join(str(each["heading"]).lower().split()) for each in outline["sections"]]
    seen: dict[str, int] = {}
    for index, planned in enumerate(outline["sections"]):
        name = f"Section {index + 1}, “{planned['heading']}”,"
        if index not in sections:
            yield problem("structure", f"{name} is missing.")
            continue
        if headings.index(headings[index]) < index:
            yield problem("structure", f"{name} has the heading of another section.")
        markdown = str(sections[index]["markdown"])
        if len(words(markdown)) < FEWEST_WORDS:
            yield problem("structure", f"{name} has fewer than {FEWEST_WORDS} words.")
        for paragraph in {part.strip() for part in markdown.split("\n\n") if len(words(part)) >= FEWEST_WORDS}:
            if paragraph in seen:
                yield problem("structure", f"{name} repeats a paragraph of section {seen[paragraph] + 1}.")
            seen.setdefault(paragraph, index)
