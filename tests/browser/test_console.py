"""People review in a browser: what they see is what is stored, and what they decide is what counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from playwright.sync_api import Page, expect
from psycopg import sql

from core.canonical import sha256
from tests.browser.conftest import LOCAL_USER, Console

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>",
    "![picture](https://evil.example/p.png) [click](https://evil.example/)",
    ":red[alarm] :fire: :material/home: $x^2$ $$\\int$$",
    "**bold** `code` # heading & &lt;b&gt;",
    "</p></section><style>* { display: none }</style>",
)


def open_review(page: Page, review: dict[str, Any]) -> None:
    page.goto(f"/review?id=r-{review['number']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(review["subject"])
    settled(page)


def settled(page: Page) -> None:
    """Wait until the script has run to its end and its parts are drawn."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def test_what_waits_appears_by_itself_opens_and_is_approved(page: Page, console: Console) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    review = console.waiting()
    number = review["number"]
    page.get_by_role("button", name=f"Open r-{number}").click()
    expect(page).to_have_url(re.compile(rf"/review\?id=r-{number}$"))
    for heading in ("Proposed", "Why you are asked", "Evidence", "Approving will", "Exact arguments"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text("nothing is certified yet, so any score asks")).to_be_visible()
    expect(page.get_by_text("○ untrusted").first).to_be_visible()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_text(f"Decided: approve, by {LOCAL_USER} (name not verified)")).to_be_visible()
    expect(page.get_by_text("The thread goes on by itself.")).to_be_visible()
    row = console.review(number)
    assert (row["state"], row["answer"], row["decided_by"]) == ("decided", "approve", LOCAL_USER)
    assert row["decided_hash"] == row["action_hash"] == review["action_hash"]
    page.get_by_role("link", name="See the thread").click()
    expect(page).to_have_url(re.compile(rf"/thread\?id={review['thread_id']}$"))
    expect(page.get_by_text(f"review r-{number}: approve")).to_be_visible()


def edit(page: Page, change: tuple[str, str]) -> str:
    """Open the editor, replace a text in it and submit; returns what was typed."""
    if not page.get_by_label("Arguments (YAML)").is_visible():
        page.get_by_text("Edit the arguments").click()
    editor = page.get_by_label("Arguments (YAML)")
    typed = editor.input_value().replace(*change)
    editor.fill(typed)
    page.get_by_role("button", name="Approve with these arguments").click()
    return typed


def test_an_edit_is_stored_with_the_hash_of_what_was_typed(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    edit(page, ("format: list", "format: guide"))
    expect(page.get_by_text(f"Decided: edit, by {LOCAL_USER}")).to_be_visible()
    expect(page.get_by_role("heading", name="What was approved instead")).to_be_visible()
    asked = review["request"]["action_requests"][0]
    row = console.review(review["number"])
    assert row["decided_hash"] == sha256({"action": asked["name"], "arguments": asked["args"] | {"format": "guide"}})


def test_an_edit_that_does_not_fit_says_why_and_keeps_what_was_typed(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    for change, problem in (
        (("format: list", "format: limerick"), "The edit does not fit set_intent: format"),
        (("format: limerick", "format: [guide"), re.compile(r"Line \d+: this is not YAML")),
        (("format: [guide", "shape: guide"), "format is no longer there."),
    ):
        typed = edit(page, change)
        expect(page.get_by_role("alert").filter(has_text=problem)).to_be_visible()
        expect(page.get_by_label("Arguments (YAML)")).to_have_value(typed)
    assert console.review(review["number"])["state"] == "open"


def test_a_rejection_carries_its_reason(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    page.get_by_text("Reject", exact=True).first.click()
    page.get_by_label("Why? The agent reads it").fill("Readers want a guide.")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.get_by_text(f"Decided: reject, by {LOCAL_USER}")).to_be_visible()
    expect(page.get_by_role("paragraph").filter(has_text="Readers want a guide.")).to_be_visible()
    row = console.review(review["number"])
    assert (row["answer"], row["decision"]["message"], row["decided_hash"]) == ("reject", "Readers want a guide.", None)


def test_whoever_comes_second_is_told_who_won(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    console.decided_elsewhere(review["number"])
    page.get_by_role("button", name="Approve", exact=True).click()
    told = f"Review r-{review['number']} was already decided: approve, by dana at"
    expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    expect(page.get_by_text("Decided: approve, by dana (name not verified)")).to_be_visible()
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    assert console.review(review["number"])["decided_by"] == "dana"


def test_a_blocker_takes_one_of_its_choices(page: Page, console: Console) -> None:
    review = changed_to(console, "blocker", ["respond"], choices=["hand_back", "abandon"])
    open_review(page, review)
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Choose an answer first.")).to_be_visible()
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="Hand back").click()
    page.get_by_label("Your message").fill("The page is up again.")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text(f"Decided: hand back, by {LOCAL_USER}")).to_be_visible()
    decision = console.review(review["number"])["decision"]
    assert (decision["choice"], decision["message"]) == ("hand_back", "The page is up again.")


def test_a_question_takes_words(page: Page, console: Console) -> None:
    review = changed_to(console, "question", ["respond"])
    open_review(page, review)
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="An answer needs words.")).to_be_visible()
    page.get_by_label("Your answer").fill("Founders.")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text(f"Decided: answer, by {LOCAL_USER}")).to_be_visible()
    assert console.review(review["number"])["decision"]["message"] == "Founders."


def changed_to(console: Console, kind: str, allowed: list[str], **more: object) -> dict[str, Any]:
    """A waiting review made into one of another kind."""
    review = console.waiting()
    request = review["request"] | {"kind": kind} | more
    request["review_configs"][0]["allowed_decisions"] = allowed
    rewrite(console, review["number"], request, kind)
    return review


def rewrite(console: Console, number: int, request: dict[str, Any], kind: str = "action") -> None:
    statement = "update review set request = %(request)s, kind = %(kind)s where number = %(number)s"
    console.execute(statement, request=json.dumps(request), kind=kind, number=number)


def test_text_from_outside_is_shown_and_never_obeyed(page: Page, console: Console) -> None:
    review = console.waiting()
    payload = " ".join(HOSTILE)
    request = review["request"]
    request["action_requests"][0] |= {"description": payload, "args": {"format": payload, payload: ["x", payload]}}
    request |= {"why": list(HOSTILE), "approving_will": payload, "rationale": payload, "rules": list(HOSTILE)}
    request["evidence"] = [{"label": each, "source": each, "trust": "untrusted"} for each in HOSTILE]
    request |= {"choices": list(HOSTILE)}
    request["review_configs"][0]["allowed_decisions"] = ["approve", "edit", "reject", "respond"]
    rewrite(console, review["number"], request)
    console.execute(
        "update thread set subject = %(s)s, model = %(s)s where id = %(id)s", s=payload, id=review["thread_id"]
    )
    review["subject"] = payload
    for address in ("/", f"/review?id=r-{review['number']}", "/threads", f"/thread?id={review['thread_id']}"):
        page.goto(address)
        expect(page.get_by_text(HOSTILE[0]).first).to_be_visible()
        shown = page.locator("body").inner_text()
        assert [each for each in HOSTILE if each not in shown] == []
        nothing_was_obeyed(page)
    page.set_viewport_size({"width": 1280, "height": 2400})
    open_review(page, review)
    page.get_by_role("combobox").click()
    expect(page.get_by_role("option", name=HOSTILE[2])).to_be_visible()
    nothing_was_obeyed(page)


def test_the_article_that_is_decided_on_can_be_read_there(page: Page, console: Console) -> None:
    review = console.waiting_with_an_article()
    open_review(page, review)
    expect(page.get_by_role("heading", name=re.compile(r"^The article \(\d,\d{3} words\)$"))).to_be_visible()
    expect(page.get_by_text("## Frequently asked questions")).to_be_visible()


def nothing_was_obeyed(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    obeyed = ".katex, img[src='x'], img[src*='evil'], a[href*='evil'], .stMain script, .stMarkdown strong"
    assert page.locator(obeyed).count() == 0


def test_unknown_addresses_say_what_is_wrong(page: Page, console: Console) -> None:
    for address, said in (
        ("/review?id=r-999999", "There is no review r-999999 in this database."),
        ("/review?id=<b>x", "'<b>x' is not a review; they look like r-41."),
        ("/review", "'' is not a review; they look like r-41."),
        ("/thread?id=ffffffffffff", "There is no thread “ffffffffffff” in this database."),
        ("/thread", "There is no thread “” in this database."),
    ):
        page.goto(address)
        expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    page.get_by_role("link", name="Back to the inbox").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


@contextmanager
def unreachable(console: Console, server: str) -> Iterator[None]:
    """The database refuses everybody, those who are connected too."""
    name = psycopg.conninfo.conninfo_to_dict(console.database_url)["dbname"]
    switch = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(switch.format(sql.Identifier(str(name)), sql.Literal(False)))
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(switch.format(sql.Identifier(str(name)), sql.Literal(True)))


def test_a_database_that_is_gone_is_said_in_a_line_and_nothing_typed_is_lost(
    page: Page, console: Console, server: str
) -> None:
    review = console.waiting()
    open_review(page, review)
    page.get_by_text("Edit the arguments").click()
    editor = page.get_by_label("Arguments (YAML)")
    typed = editor.input_value().replace("format: list", "format: guide")
    editor.fill(typed)
    gone = page.get_by_role("alert").filter(has_text=re.compile("The database at .* does not answer"))
    with unreachable(console, server):
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(gone.first).to_be_visible()
        page.get_by_role("button", name="Try again").click()
        expect(gone.first).to_be_visible()
        expect(editor).to_have_value(typed)
        assert "Traceback" not in page.locator("body").inner_text()
    page.get_by_role("button", name="Try again").click()
    expect(gone).to_have_count(0)
    expect(editor).to_have_value(typed)
    page.get_by_role("button", name="Approve with these arguments").click()
    expect(page.get_by_text(f"Decided: edit, by {LOCAL_USER}")).to_be_visible()


def test_the_inbox_and_a_cold_start_say_that_the_database_is_gone(page: Page, console: Console, server: str) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    with unreachable(console, server):
        expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_its_width(page: Page, console: Console, screenshots: Path, width: int) -> None:
    review = console.waiting()
    console.waiting("what is churn rate")
    for name, address, landmark in (
        ("inbox", "/", f"Open r-{review['number']}"),
        ("review", f"/review?id=r-{review['number']}", "Your decision"),
        ("threads", "/threads", review["thread_id"]),
        ("thread", f"/thread?id={review['thread_id']}", "set_intent proposed"),
    ):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        expect(page.get_by_text(landmark).first).to_be_visible()
        settled(page)
        assert sideways(page) == 0
        height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png")


def sideways(page: Page) -> int:
    """How many pixels the page can be scrolled to the side."""
    wider = "element => element.scrollWidth - element.clientWidth"
    whole: int = page.evaluate(f"({wider})(document.scrollingElement)")
    main: int = page.locator("[data-testid=stMain]").evaluate(wider)
    return max(whole, main)
