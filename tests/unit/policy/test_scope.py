from __future__ import annotations

import pytest

from core.domain import Refusal, Scope
from domains.seo.card import CARD
from domains.seo.tools import TOOLS
from policy.scope import outside, refused

TASK = {"keyword": "crm", "site": "https://a.example", "slug": "crm", "message": "Please, LEGAL advice!"}


def test_another_site_is_outside_of_the_mandate() -> None:
    given = {"site": "https://a.example", "slug": "crm"}
    assert outside(CARD.scope, TOOLS["publish_content"], given, TASK) == ""
    other = outside(CARD.scope, TOOLS["publish_content"], {**given, "site": "https://evil.example"}, TASK)
    assert other == "site is not the site of this thread"


def test_a_tool_of_another_trade_is_outside() -> None:
    narrow = Scope(tools=frozenset({"search_serp"}))
    assert outside(narrow, TOOLS["search_serp"], {}, TASK) == ""
    assert "publish_content does not belong" in outside(narrow, TOOLS["publish_content"], {}, TASK)


@pytest.mark.parametrize(("phrase", "caught"), [("legal advice", True), ("gal adv", False), ("medical", False)])
def test_a_declined_kind_of_request_is_known_by_its_phrases(phrase: str, caught: bool) -> None:
    scope = Scope(refusals=(Refusal("legal questions", (phrase,)),), request=("message",))
    assert (refused(scope, TASK) is not None) is caught
