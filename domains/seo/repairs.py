"""What the offline method can put right after a check: things missing that the profile has, and wrong citations."""

from __future__ import annotations

from typing import Any

from domains.seo.materials import Json, Materials
from domains.seo.research_pack import evidence_block, is_angle_section, pains_block, position_for, ways_on


def repairs(shown: Materials) -> list[dict[str, Any]]:
    """Changes of revise_article; empty when the check names nothing that can be put right here."""
    sections = {int(each["index"]): each for each in shown.sections}
    changed = {index: _with_known_citations(each, shown) for index, each in sections.items()}
    for index, block in _missing_blocks(shown):
        if index in changed and block not in changed[index]["markdown"]:
            changed[index]["markdown"] = f"{changed[index]['markdown']}\n\n{block}"
    return [
        change
        for index, change in sorted(changed.items())
        if change["markdown"] != sections[index]["markdown"] or change["citations"] != sections[index]["citations"]
    ]


def _with_known_citations(section: Json, shown: Materials) -> dict[str, Any]:
    known = {str(result["url"]) for result in shown.serp.get("results", ())}
    kept = [dict(each) for each in section["citations"] if not known or each["url"] in known]
    return {"index": int(section["index"]), "markdown": str(section["markdown"]), "citations": kept}


def _missing_blocks(shown: Materials) -> list[tuple[int, str]]:
    """Section number and the block that answers a problem of the check."""
    planned, profile = shown.outline["sections"], shown.profile
    said = " ".join(str(each["says"]) for each in shown.check.get("problems", ()))
    if not profile:
        return []
    last = len(planned) - 1
    main = next((index for index in range(len(planned)) if is_angle_section(index, shown.outline)), 0)
    blocks = []
    if "pain" in said:
        blocks.append((main, pains_block(profile)))
    if "angle is hardly" in said or "your evidence" in said:
        position = position_for(main, shown.outline, shown.angle, profile)
        blocks += [(main, evidence_block(position))] if position else []
    if any(words in said for words in ("No call to action", "No internal link", "is not mentioned")):
        blocks.append((last, ways_on(shown.outline, profile)))
    return blocks
