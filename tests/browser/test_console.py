"""People review in a browser: what they see is what is stored, and what they decide is what counts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect
from psycopg import sql

from core.canonical import sha256
from runtime import threads
from runtime.wiring import Application
from tests.browser.conftest import LOCAL_USER, Console
from tests.integration.application import DANA

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


def button(page: Page, name: str) -> Locator:
    """By its label; its key stands behind it."""
    return page.get_by_role("button", name=re.compile(rf"^{name}( Shortcut [A-Z])?$"))


def settled(page: Page) -> None:
    """Wait until the script has run to its end and its parts are drawn."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def press(page: Page, key: str) -> None:
    """The shortcut of a button, as a person presses it: the button is there, and the page is quiet. It listens only a
    few milliseconds after it is drawn."""
    expect(page.get_by_role("button", name=re.compile(rf" Shortcut {key}$"))).to_be_visible()
    page.evaluate("() => new Promise(quiet => requestIdleCallback(() => quiet()))")
    page.keyboard.press(key.lower())


def test_what_waits_appears_by_itself_opens_and_is_approved(page: Page, console: Console) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    review = console.waiting()
    number = review["number"]
    expect(page.get_by_role("link", name="Inbox (1)")).to_be_visible()
    page.get_by_role("link", name=f"Open r-{number}").click()
    expect(page).to_have_url(re.compile(rf"/review\?id=r-{number}$"))
    for heading in ("Proposed", "Why you are asked", "Evidence", "Approving will", "Exact arguments"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text("nothing is certified yet, so any score asks")).to_be_visible()
    expect(page.get_by_text("○ untrusted").first).to_be_visible()
    button(page, "Approve").click()
    expect(page.get_by_text(f"Decided: approve, by {LOCAL_USER} (name not verified)")).to_be_visible()
    expect(page.get_by_text("No worker is running: what you decide is stored and waits.")).to_be_visible()
    row = console.review(number)
    assert (row["state"], row["answer"], row["decided_by"]) == ("decided", "approve", LOCAL_USER)
    assert row["decided_hash"] == row["action_hash"] == review["action_hash"]
    assert row["decision"]["from"] == "console, from this machine"
    page.get_by_role("link", name="See the thread").click()
    expect(page).to_have_url(re.compile(rf"/thread\?id={review['thread_id']}$"))
    expect(page.get_by_text(f"review r-{number}: approve")).to_be_visible()


def edit(page: Page, change: tuple[str, str]) -> str:
    """Replace a text in the text form and submit it; returns what was typed."""
    editor = page.get_by_label("Arguments (YAML)")
    if not editor.is_visible():
        button(page, "Edit").click()
        page.get_by_text("As text (YAML)").click()
    expect(editor).not_to_have_value("")
    typed = editor.input_value().replace(*change)
    editor.fill(typed)
    page.get_by_role("button", name="Approve with these changes").click()
    return typed


def test_an_edit_is_stored_with_the_hash_of_what_was_typed_and_the_verdict_before_it(
    page: Page, console: Console
) -> None:
    review = console.waiting()
    open_review(page, review)
    button(page, "No").click()
    page.get_by_role("combobox", name="What was wrong").click()
    page.get_by_role("option", name="wrong intent").click()
    button(page, "Edit").click()
    page.get_by_label("distribution · informational").fill("0.35")
    page.get_by_label("distribution · commercial").fill("0.43")
    page.get_by_label("distribution · commercial").press("Enter")
    expect(page.get_by_text("2 lines changed")).to_be_visible()
    edit_in_fields = page.get_by_role("button", name="Approve with these changes")
    edit_in_fields.click()
    expect(page.get_by_text(f"Decided: edit, by {LOCAL_USER}")).to_be_visible()
    expect(page.get_by_role("heading", name="What was approved instead")).to_be_visible()
    expect(page.get_by_text("The proposal was wrong, wrong intent.")).to_be_visible()
    asked = review["request"]["action_requests"][0]
    shares = asked["args"]["distribution"] | {"informational": 0.35, "commercial": 0.43}
    row = console.review(review["number"])
    final = asked["args"] | {"distribution": shares}
    assert row["decision"]["edited_action"]["args"] == final
    assert row["decided_hash"] == sha256({"action": asked["name"], "arguments": final})
    assert (row["decision"]["verdict"], row["decision"]["reason"]) == ("wrong", "wrong_intent")


def test_an_edit_that_does_not_fit_says_why_and_keeps_what_was_typed(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    for change, problem in (
        (("format: list", "format: limerick"), "The edit does not fit set_intent: format"),
        (("format: limerick", "format: [guide"), re.compile(r"Line \d+: this is not YAML")),
        (("format: [guide", "shape: guide"), "format is no longer there."),
    ):
        typed = edit(page, change)
        expect(page.get_by_role("alert").filter(has_text=problem).first).to_be_visible()
        expect(page.get_by_label("Arguments (YAML)")).to_have_value(typed)
    assert console.review(review["number"])["state"] == "open"


def test_a_draft_survives_a_reload_without_leaving_the_field(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    press(page, "X")
    field = page.get_by_label("Why? The agent reads it")
    field.press_sequentially("Readers want a guide, not a list. 读者")
    stored = "select 1 from review_draft where typed ->> 'message' = 'Readers want a guide, not a list. 读者'"
    until(lambda: bool(console.execute(stored)))
    page.reload()
    expect(page.get_by_text("What you had typed is here again.")).to_be_visible()
    expect(field).to_have_value("Readers want a guide, not a list. 读者")
    page.get_by_role("button", name="Reject it").click()
    expect(page.get_by_text(f"Decided: reject, by {LOCAL_USER}")).to_be_visible()
    expect(page.get_by_role("paragraph").filter(has_text="Readers want a guide")).to_be_visible()
    row = console.review(review["number"])
    assert (row["answer"], row["decision"]["message"][:12], row["decided_hash"]) == ("reject", "Readers want", None)
    assert console.execute("select 1 from review_draft where review = %(n)s", n=review["number"]) == []


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the server does behind the page."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_the_keyboard_alone_is_enough(page: Page, console: Console) -> None:
    first, second = console.waiting(), console.waiting("what is churn rate")
    open_review(page, second)
    press(page, "Y")
    expect(button(page, "Yes")).to_have_attribute("data-testid", "stBaseButton-primary")
    press(page, "A")
    expect(page.get_by_text(f"Decided: approve, by {LOCAL_USER}")).to_be_visible()
    settled(page)
    press(page, "J")
    expect(page).to_have_url(re.compile(rf"/review\?id=r-{first['number']}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(first["subject"])
    settled(page)
    press(page, "E")
    expect(page.get_by_label("distribution · informational")).to_be_focused()
    tabbed_to(page, page.get_by_label("reader", exact=True))
    page.keyboard.type("Founders. ")
    tabbed_to(page, page.get_by_role("button", name="Approve with these changes"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Decided: edit, by {LOCAL_USER}")).to_be_visible()
    third = console.waiting("invoice template")
    open_review(page, third)
    press(page, "X")
    expect(page.get_by_label("Why? The agent reads it")).to_be_focused()
    page.keyboard.type("Lists again.")
    tabbed_to(page, page.get_by_role("button", name="Reject it"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Decided: reject, by {LOCAL_USER}")).to_be_visible()
    assert console.review(second["number"])["decision"]["verdict"] == "right"
    assert "Founders. " in console.review(first["number"])["decision"]["edited_action"]["args"]["reader"]
    assert console.review(third["number"])["decision"]["message"] == "Lists again."


def tabbed_to(page: Page, target: Locator) -> None:
    """Go there with the Tab key."""
    for _ in range(40):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead there")


def test_an_approval_of_what_cannot_be_undone_waits_and_is_taken_back(page: Page, console: Console) -> None:
    review = console.waiting()
    request = review["request"] | {"tier": "irreversible"}
    request["action_requests"][0] |= {"name": "publish_content"}
    rewrite(console, review["number"], request)
    open_review(page, review)
    expect(page.get_by_text("cannot be undone").first).to_be_visible()
    button(page, "Approve").click()
    expect(page.get_by_text(re.compile(r"It takes effect in \d+ s\."))).to_be_visible()
    expect(button(page, "Approve")).to_have_count(0)
    assert console.review(review["number"])["state"] == "decided"
    button(page, "Undo").click()
    expect(button(page, "Approve")).to_be_visible()
    row = console.review(review["number"])
    assert (row["state"], row["answer"], row["decided_hash"]) == ("open", None, None)
    assert console.execute("select 1 from outcome where review = %(n)s", n=review["number"]) == []


def test_who_is_at_a_review_is_seen_by_the_others_and_can_be_overruled(page: Page, console: Console) -> None:
    review = console.waiting()
    number = review["number"]
    claim = "update review set claimed_by = 'dana', claimed_until = now() + interval '9 minutes' where number = %(n)s"
    console.execute(claim, n=number)
    page.goto("/")
    expect(page.get_by_text("dana has it")).to_be_visible()
    open_review(page, review)
    expect(page.get_by_text(re.compile(r"dana has it, [89]:\d\d left"))).to_be_visible()
    expect(button(page, "Approve")).to_have_count(0)
    page.get_by_role("button", name="Decide it instead of dana").click()
    expect(page.get_by_text("claimed by you")).to_be_visible()
    expect(button(page, "Approve")).to_be_visible()
    console.execute(claim, n=number)
    expect(page.get_by_text("dana has it")).to_be_visible()


def test_whoever_comes_second_is_told_who_won(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)
    console.decided_elsewhere(review["number"])
    button(page, "Approve").click()
    told = f"Review r-{review['number']} was already decided: approve, by dana at"
    expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    expect(page.get_by_text("Decided: approve, by dana (name not verified)")).to_be_visible()
    expect(button(page, "Approve")).to_have_count(0)
    assert console.review(review["number"])["decided_by"] == "dana"


def test_a_stale_decision_is_refused_and_shows_what_has_changed(page: Page, console: Console) -> None:
    review = console.waiting()
    open_review(page, review)

    async def stopped(app: Application) -> None:
        await threads.stop(app, review["thread_id"], DANA, "not needed any more")

    console.run(stopped)
    expect(page.get_by_text("This review was settled while you were looking at it")).to_be_visible()
    button(page, "Approve").click()
    expect(page.get_by_role("alert").filter(has_text="is withdrawn; the thread has moved on")).to_be_visible()
    expect(page.get_by_role("heading", name="What has changed since it was asked")).to_be_visible()
    expect(page.get_by_text("stop asked for by dana: not needed any more")).to_be_visible()


def test_what_this_release_cannot_read_is_shown_raw_and_not_decided(page: Page, console: Console) -> None:
    review = console.waiting()
    rewrite(console, review["number"], {"version": 9, "ask": "<b>something new</b>"})
    open_review(page, review)
    expect(
        page.get_by_role("alert").filter(has_text="the request is of version 9, this release knows 1")
    ).to_be_visible()
    expect(page.get_by_text('"ask": "<b>something new</b>"')).to_be_visible()
    expect(button(page, "Approve")).to_have_count(0)


def test_the_inbox_is_filtered_searched_and_decided_on_in_one_go(page: Page, console: Console) -> None:
    first, second, third = (
        console.waiting(word) for word in ("crm for startups", "invoice template", "what is churn rate")
    )
    page.goto("/?search=churn")
    expect(page.get_by_role("link", name=f"Open r-{third['number']}")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Open r-"))).to_have_count(1)
    expect(page.get_by_text("3 wait for people, 3 not opened by you.")).to_be_visible()
    console.execute("insert into review_seen (review, person) values (%(n)s, %(p)s)", n=first["number"], p=LOCAL_USER)
    expect(page.get_by_text("3 wait for people, 2 not opened by you.")).to_be_visible()
    search = page.get_by_label("Search")
    search.press("End")
    search.press_sequentially(" xyz")
    expect(page.get_by_text("None of the 3 that wait are like this.")).to_be_visible()
    expect(search).to_have_value("churn xyz")
    search.fill("")
    expect(page.get_by_role("link", name=re.compile("Open r-"))).to_have_count(3)
    page.get_by_role("combobox", name="Task type").click()
    page.get_by_role("option", name="set_intent").click()
    expect(page).to_have_url(re.compile(r"task_type=set_intent"))
    page.get_by_text("Decide several").click()
    page.get_by_role("button", name="Choose all").click()
    expect(page.get_by_text("3 chosen of 3 on this page")).to_be_visible()
    console.decided_elsewhere(second["number"])
    page.get_by_role("button", name="Approve them").click()
    expect(page.get_by_text(re.compile(r"2 approved, [01] not\."))).to_be_visible()
    assert {console.review(each["number"])["answer"] for each in (first, second, third)} == {"approve"}
    assert console.review(second["number"])["decided_by"] == "dana"


def test_a_blocker_takes_one_of_its_choices(page: Page, console: Console) -> None:
    review = changed_to(console, "blocker", ["respond"], choices=["hand_back", "abandon"])
    open_review(page, review)
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Choose an answer first.")).to_be_visible()
    page.get_by_role("combobox", name="Answer").click()
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
    page.set_viewport_size({"width": 1280, "height": 3200})
    open_review(page, review)
    page.get_by_role("combobox", name="Answer").click()
    expect(page.get_by_role("option", name=HOSTILE[2])).to_be_visible()
    nothing_was_obeyed(page)


def test_the_article_is_rendered_without_obeying_it_and_a_huge_one_comes_in_parts(page: Page, console: Console) -> None:
    review = console.waiting_with_an_article()
    open_review(page, review)
    expect(page.get_by_role("heading", name=re.compile(r"^The article \(\d,\d{3} words\)$"))).to_be_visible()
    expect(page.get_by_role("heading", name="Frequently asked questions")).to_be_visible()
    expect(page.get_by_text("verified in source").first).to_be_visible()
    text = "# Größe 大\n\n" + "\n\n".join(HOSTILE) + "\n\n" + "A paragraph of words.\n\n" * 95_000 + "The very end."
    digest = review["request"]["action_requests"][0]["args"]["article_sha256"]
    console.execute("update artifact set content = %(text)s where sha256 = %(sha)s", text=text, sha=digest)
    open_review(page, review)
    expect(page.get_by_role("heading", name="Größe 大")).to_be_visible()
    nothing_was_obeyed(page)
    page.get_by_label("Part, of").fill("37")
    page.get_by_label("Part, of").press("Enter")
    expect(page.get_by_text("The very end.")).to_be_attached()


def test_an_article_is_edited_beside_how_it_looks_and_what_was_changed_is_what_is_saved(
    page: Page, console: Console, screenshots: Path
) -> None:
    review = console.waiting_with_an_article("what is churn rate")
    open_review(page, review)
    button(page, "Edit").click()
    expect(page.get_by_label("title")).to_be_focused()
    editor = page.get_by_label("article", exact=True)
    expect(editor).not_to_have_value("")
    first, _, rest = editor.input_value().partition("\n")
    editor.fill(f"{first}, for founders 读者\n{rest}")
    editor.press("Control+Enter")
    expect(page.get_by_text("1 line of the article changed")).to_be_visible()
    expect(page.locator(".diff ins").filter(has_text="founders")).to_be_visible()
    settled(page)
    page.screenshot(path=screenshots / "article-edit-1280-light.png")
    page.get_by_role("button", name="Approve with these changes").click()
    expect(page.get_by_text(f"Decided: edit, by {LOCAL_USER}")).to_be_visible()
    expect(page.get_by_role("heading", name="What was changed in the article")).to_be_visible()
    console.run(lambda app: threads.advance(app, review["thread_id"]))
    [draft] = console.home.glob("content/*/drafts/what-is-churn-rate.md")
    assert f"{first}, for founders 读者" in draft.read_text()


def nothing_was_obeyed(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    obeyed = ".katex, img[src='x'], img[src*='evil'], a[href*='evil'], .stMarkdown strong"
    assert page.locator(obeyed).count() == 0
    ours = page.locator(".stMain script").all_inner_texts()
    assert all("pausesAreCommitted" in script for script in ours)


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


def outages(page: Page) -> Locator:
    return page.get_by_role("alert").filter(has_text=re.compile("The database at .* does not answer"))


def test_a_database_that_is_gone_is_said_in_a_line_and_nothing_typed_is_lost(
    page: Page, console: Console, server: str
) -> None:
    review = console.waiting()
    open_review(page, review)
    button(page, "Edit").click()
    page.get_by_text("As text (YAML)").click()
    editor = page.get_by_label("Arguments (YAML)")
    expect(editor).not_to_have_value("")
    typed = editor.input_value().replace("format: list", "format: guide")
    editor.fill(typed)
    with unreachable(console, server):
        button(page, "Approve").click()
        expect(outages(page)).to_have_count(1)
        settled(page)
        page.get_by_role("button", name="Try again").click()
        settled(page)
        expect(outages(page)).to_have_count(1)
        expect(editor).to_have_count(1)
        expect(editor).to_have_value(typed)
        assert "Traceback" not in page.locator("body").inner_text()
    expect(outages(page)).to_have_count(0)  # by itself
    expect(page.get_by_text("The database went away while you decided, and nothing was taken")).to_be_visible()
    expect(editor).to_have_count(1)
    expect(editor).to_have_value(typed)
    page.get_by_role("button", name="Approve with these changes").click()
    expect(page.get_by_text(f"Decided: edit, by {LOCAL_USER}")).to_be_visible()


def test_the_inbox_and_a_cold_start_come_back_by_themselves_after_an_outage(
    page: Page, console: Console, server: str
) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    with unreachable(console, server):
        expect(outages(page)).to_be_visible()
    expect(outages(page)).to_have_count(0)
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    with unreachable(console, server):
        page.reload()
        expect(outages(page)).to_be_visible()
        settled(page)
    expect(outages(page)).to_have_count(0)
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
            ground = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
            assert ground == {"light": "rgb(252, 252, 250)", "dark": "rgb(22, 25, 29)"}[scheme]


def sideways(page: Page) -> int:
    """How many pixels the page can be scrolled to the side."""
    wider = "element => element.scrollWidth - element.clientWidth"
    whole: int = page.evaluate(f"({wider})(document.scrollingElement)")
    main: int = page.locator("[data-testid=stMain]").evaluate(wider)
    return max(whole, main)
