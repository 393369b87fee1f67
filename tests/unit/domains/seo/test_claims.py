from __future__ import annotations

from core.actions import Proposal
from core.domain import View
from domains.seo.claims import claims

SOURCE = "In the 2026 member poll (212 votes) the first sales hire won with 41%. Teams outgrow it."
VIEW = View(
    {},
    {
        "pages": {
            "pages": [{"ok": True, "url": "https://a.example", "final_url": "https://a.example", "text_sha256": "s"}]
        },
        "profile": {"positions": [{"claim": "Of 214 companies that moved, 131 came from another CRM."}]},
    },
    {"s": SOURCE},
)
SECTION = {
    "index": 0,
    "markdown": (
        "The first hire won with 41% [1](https://a.example).\n\nMost teams switch within 18 months of starting.\n\n"
        "- Of 214 companies that moved, 131 came from another CRM.\n\nNo figure here."
    ),
    "citations": [
        {"claim": "The first sales hire won with 41%", "url": "https://a.example"},
        {"claim": "Half of them regret it within 9 months", "url": "https://a.example"},
        {"claim": "212 votes were cast", "url": "https://unread.example"},
    ],
}


def test_each_claim_stands_as_its_source_lets_it_and_the_doubtful_first() -> None:
    found = claims(VIEW, Proposal(id="p", action="write_section", arguments=SECTION))
    assert [(each["standing"], each["text"][:20], each["source"]) for each in found] == [
        ("uncited", "Most teams switch wi", ""),
        ("asserted", "Half of them regret ", "https://a.example"),
        ("asserted", "212 votes were cast", "https://unread.example"),
        ("verified", "The first sales hire", "https://a.example"),
        ("verified", "Of 214 companies tha", "your profile"),
    ]


def test_of_a_draft_that_a_person_edited_what_they_left_and_what_they_wrote_is_listed() -> None:
    draft = "# A\n\nThe first hire won with 41% [1](https://a.example).\n\nIt took 3 of us weeks.\n\n- <https://unread.example>\n"
    content = {
        **VIEW.content,
        "outline": {"title": "A", "sections": [{"heading": "One"}]},
        "section:0": SECTION,
        "draft": {"article_sha256": "d"},
    }
    found = claims(
        View({}, content, {"s": SOURCE, "d": draft}), Proposal(id="p", action="publish_content", arguments={})
    )
    assert [(each["standing"], each["text"][:20]) for each in found] == [
        ("uncited", "It took 3 of us week"),
        ("asserted", "Half of them regret "),
        ("verified", "The first sales hire"),
    ]


def test_what_is_no_text_has_no_claims() -> None:
    assert claims(VIEW, Proposal(id="p", action="set_intent", arguments={"format": "list"})) == ()
