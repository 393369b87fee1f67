"""The console's other pages in a browser: what is stored is what they show, and what they do is done once."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from runtime import threads
from runtime.wiring import Application
from store.audits import AuditStore
from tests.browser.conftest import LOCAL_USER, Console
from tests.browser.test_console import SCHEMES, changed_to, settled, sideways
from tests.integration.application import DANA, answered, started, waiting
from tests.integration.shop import LOST, Till, begun, shop

pytestmark = pytest.mark.browser


def decided(console: Console, decisions: int = 1) -> str:
    """A thread of which Dana has approved so many decisions; it waits for the next."""

    async def work(app: Application) -> str:
        thread_id = await started(app)
        for _ in range(decisions):
            await answered(app, thread_id)
        return thread_id

    thread_id: str = console.run(work)
    return thread_id


def part(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).click()


def photographed(page: Page, screenshots: Path, name: str) -> None:
    """At full width and on a phone, both schemes; nothing may reach over the side."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        assert sideways(page) == 0
        height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES if width == 1280 else SCHEMES[:1]:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    settled(page)


def test_a_thread_is_looked_into_replayed_copied_handed_on_and_stopped(
    page: Page, console: Console, screenshots: Path, tmp_path: Path
) -> None:
    thread_id = decided(console)
    page.goto(f"/thread?id={thread_id}")
    expect(page.get_by_text("set_intent proposed").first).to_be_visible()
    part(page, "Checkpoints")
    expect(page.get_by_role("heading", name=re.compile("Fork from step"))).to_be_visible()
    page.get_by_role("combobox", name=re.compile("State at")).click()
    page.get_by_role("option", name=re.compile("^step 4: planner")).click()
    expect(page.get_by_role("heading", name="Fork from step 4")).to_be_visible()
    settled(page)
    expect(page.get_by_test_id("stCode")).to_contain_text("keyword: crm for startups")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("Tools that reach outside are stubs.")).to_be_visible()
    expect(page.get_by_role("cell", name="is done on the copy's own documents").first).to_be_visible()
    photographed(page, screenshots, "checkpoints")
    page.get_by_role("button", name="Make the copy").click()
    expect(page.get_by_text(re.compile(r"Thread \w+ is queued; a worker runs it\."))).to_be_visible()
    [copy] = console.execute("select requester, status, fork from thread where fork ->> 'from' = %(id)s", id=thread_id)
    assert (copy["requester"], copy["status"], copy["fork"]["live"]) == (LOCAL_USER, "queued", False)
    part(page, "Replay")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_text(re.compile(r"The same: \d+ decided events came out as they are recorded"))).to_be_visible()
    part(page, "Packet")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as Markdown").click()
    download.value.save_as(tmp_path / "packet.md")
    assert "## What to do now" in (tmp_path / "packet.md").read_text()
    photographed(page, screenshots, "packet")
    page.get_by_role("button", name="Stop this thread").click()
    why = page.get_by_label("Why? It is kept with the stop.")
    why.fill("not needed")
    why.press("Enter")
    page.get_by_role("button", name="Stop it for good").click()
    expect(page.get_by_text(f"ended: stopped by {LOCAL_USER}: not needed")).to_be_visible()
    [row] = console.execute("select status from thread where id = %(id)s", id=thread_id)
    assert row["status"] == "stopped"


def test_a_blocker_is_taken_over_and_handed_back_with_a_secret_that_only_the_tool_gets(
    page: Page, console: Console, screenshots: Path
) -> None:
    review = changed_to(console, "blocker", ["respond"], choices=["hand_back", "abandon"])
    number = review["number"]
    page.goto(f"/review?id=r-{number}")
    page.get_by_role("button", name="Take it over").click()
    page.get_by_label("The result: in words").fill("It is set by hand.")
    page.get_by_label("Name of a secret").fill("no name")
    page.get_by_label("The secret", exact=True).fill("s3cret-words")
    photographed(page, screenshots, "hand-back")
    page.get_by_role("button", name="Hand it back").click()
    expect(page.get_by_role("alert").filter(has_text="'no name' is no name of a secret")).to_be_visible()
    expect(page.get_by_label("The secret", exact=True)).to_have_value("")
    expect(page.get_by_label("The result: in words")).to_have_value("It is set by hand.")
    page.get_by_role("button", name="Hand it back").click()
    expect(page.get_by_text(f"Decided: hand back, by {LOCAL_USER}")).to_be_visible()
    row = console.review(number)
    assert (row["taken_over_by"], row["decision"]["message"]) == (LOCAL_USER, "It is set by hand.")
    assert "s3cret-words" not in str(console.execute("select * from review_draft")) + str(row)


def test_who_may_only_look_is_not_offered_what_they_may_not_do(page: Page, console: Console) -> None:
    review = console.waiting()
    console.execute("insert into role (person, tenant, role, set_by) values ('lee', '*', 'admin', 'lee')")
    try:
        page.goto(f"/review?id=r-{review['number']}")
        expect(page.get_by_text("Your role here is none; a reviewer, a publisher or an admin decides.")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
        page.goto(f"/thread?id={review['thread_id']}&part=checkpoints")
        expect(page.get_by_role("heading", name=re.compile("Fork from step"))).to_be_visible()
        expect(page.get_by_text("Live: what has not been done yet")).to_have_count(0)
    finally:
        console.execute("delete from role")


def test_an_emergency_takes_a_typed_word_and_locks_down_stops_and_is_lifted(
    page: Page, console: Console, screenshots: Path
) -> None:
    review = console.waiting()
    page.goto("/emergency")
    expect(page.get_by_text("No lockdown is on.")).to_be_visible()
    button = page.get_by_role("button", name="Lock down")
    button.click()
    expect(page.get_by_role("alert").filter(has_text="Nothing was done: type “everything” to confirm.")).to_be_visible()
    assert console.execute("select 1 from lockdown") == []
    page.get_by_label("Why? It is kept with it.").first.fill("a drill")
    page.keyboard.press("Tab")  # the page is drawn again, without the line above the field
    page.keyboard.type("every", delay=50)
    expect(page.get_by_text("Nothing was done")).to_have_count(0)
    settled(page)
    expect(page.locator(".st-key-lock-word input")).to_have_value("every")
    page.get_by_role("combobox", name="Domain or agent").fill("tallyho/seo")
    page.keyboard.press("Enter")
    confirm(page, "lock", "tallyho/seo")
    button.click()
    expect(page.get_by_role("alert").filter(has_text="Lockdown is on for agent tallyho/seo, by robin")).to_be_visible()
    photographed(page, screenshots, "emergency")
    confirm(page, "lift-0", "lift")
    page.get_by_role("button", name="Lift it").click()
    expect(page.get_by_text("Lifted. 0 threads that waited for it can go on.")).to_be_visible()
    settled(page)
    page.get_by_role("combobox", name="Domain").last.click()
    page.get_by_role("option", name="seo").click()
    confirm(page, "stop", "seo")
    page.get_by_role("button", name="Stop them for good").click()
    expect(page.get_by_text(re.compile(r"[\d,]+ threads? stopped\."))).to_be_visible()
    [row] = console.execute("select status from thread where id = %(id)s", id=review["thread_id"])
    assert row["status"] == "stopped"


def confirm(page: Page, part: str, word: str) -> None:
    settled(page)
    field = page.locator(f".st-key-{part}-word input")
    expect(field).to_have_count(1)
    field.fill(word)
    field.press("Enter")
    settled(page)


def test_an_admin_lowers_a_level_with_a_reason_and_nobody_else_is_offered_it(
    page: Page, console: Console, screenshots: Path
) -> None:
    decided(console, 2)
    page.goto("/autonomy?task_type=set_intent")
    expect(page.get_by_role("heading", name="Certificate")).to_be_visible()
    expect(page.get_by_role("heading", name="Limits and budgets")).to_be_visible()
    expect(page.locator(".course")).to_have_count(7)
    page.get_by_text("Lower it, in every version").click()
    change = page.get_by_role("button", name="Change it")
    change.click()
    expect(page.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    why = page.get_by_label("Why? It is kept with the change.")
    why.fill("a bad week")
    why.press("Enter")
    change.click()
    expect(page.get_by_text("set_intent: done, and kept among the changes below.")).to_be_visible()
    expect(page.get_by_role("cell", name="lowered to observe: a bad week")).to_be_visible()
    expect(page.locator(".stHtml .lead").first).to_have_text("observe")
    photographed(page, screenshots, "autonomy")
    [row] = console.execute("select actor, verified from level_change where change = 'lowered'")
    assert (row["actor"], row["verified"]) == (LOCAL_USER, False)
    console.execute("insert into role (person, tenant, role, set_by) values ('lee', '*', 'admin', 'lee')")
    try:
        page.reload()
        expect(page.get_by_text("Only an admin changes it; your role here is none.")).to_be_visible()
        expect(page.get_by_text("Lower it, in every version")).to_have_count(0)
    finally:
        console.execute("delete from role")
        console.execute("update standing set lowered = null")


def test_an_audit_is_judged_and_the_figures_are_there_as_files(
    page: Page, console: Console, screenshots: Path, tmp_path: Path
) -> None:
    console.run(found_wrong)
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, failed(console)).result()
    page.goto("/audits")
    expect(page.get_by_role("heading", name="What was done")).to_be_visible()
    expect(page.get_by_test_id("stCode").first).to_contain_text("title:")
    expect(page.get_by_role("heading", name=re.compile(r"^The article \(\d,\d{3} words\)$"))).to_be_visible()
    expect(page.locator("article h3")).to_be_visible()
    expect(page.get_by_role("link", name="See its thread")).to_have_count(0)
    photographed(page, screenshots, "audits")
    page.get_by_role("combobox", name="What was wrong").press_sequentially("a fact")
    page.get_by_role("option", name="a fact is wrong").click()
    settled(page)
    page.get_by_role("button", name=re.compile("^No")).click()
    expect(page.get_by_text(re.compile(r"Audit \d+: wrong\."))).to_be_visible()
    expect(page.get_by_text("Nothing waits to be looked at.")).to_be_visible()
    expect(page.get_by_role("link", name="See its thread")).to_be_visible()
    [audit] = console.execute("select verdict, reason_code, judged_by from audit")
    assert tuple(audit.values()) == ("wrong", "fact", LOCAL_USER)
    for name, landmark, column in (
        ("failures", "unknown effect", "failure_class"),
        ("outcomes", "Right as proposed", "task_type"),
        ("costs", "Tokens by day", "input_tokens"),
    ):
        page.goto(f"/{name}")
        expect(page.get_by_text(landmark).first).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as CSV").click()
        download.value.save_as(tmp_path / name)
        first, *rows = (tmp_path / name).read_text().splitlines()
        assert column in first.split(",") and rows
        photographed(page, screenshots, name)
        if name == "failures":
            page.locator("table.grid a").first.click()
            expect(page).to_have_url(re.compile(r"/thread\?id=\w+$"))
            expect(page.get_by_text("charge proposed").first).to_be_visible()


async def found_wrong(app: Application) -> None:
    """What a person has found wrong is put among the audits."""
    thread_id = await started(app, "what is churn rate")
    for _ in range(3):
        await answered(app, thread_id)
    review = await waiting(app, thread_id)
    await threads.decide(app, review["number"], "reject", DANA, message="no", verdict="wrong", reason="fact")
    assert await AuditStore(app.pool).plant(review["tenant"], "save_draft", 1) == 1


async def failed(console: Console) -> None:
    """A tool of which nobody knows whether it did anything."""
    async with shop(console.database_url, console.home, Till([LOST])) as app:
        await threads.advance(app, await begun(app))
