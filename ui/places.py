"""The pages and their addresses. A page imports this to link to another, so the pages are imported when asked for."""

from __future__ import annotations

import streamlit as st


def everywhere(waiting: int | None) -> dict[str, list[st.Page]]:
    """All pages, those of the navigation in its order. A further page is a function below and a word here."""
    first = inbox("Inbox" if waiting is None else f"Inbox ({waiting:,})")
    record = [failures(), outcomes(), costs()]
    return {"": [first, threads(), audits(), autonomy(), emergency(), review(), thread()], "Figures": record}


def inbox(title: str = "Inbox") -> st.Page:
    from ui import inbox as page

    return st.Page(page.show, title=title, url_path="inbox", default=True)


def threads() -> st.Page:
    from ui import thread_list as page

    return st.Page(page.show, title="Threads", url_path="threads")


def audits() -> st.Page:
    from ui import audits as page

    return st.Page(page.show, title="Audits", url_path="audits")


def failures() -> st.Page:
    from ui import failures as page

    return st.Page(page.show, title="Failures", url_path="failures")


def outcomes() -> st.Page:
    from ui import outcomes as page

    return st.Page(page.show, title="Outcomes", url_path="outcomes")


def costs() -> st.Page:
    from ui import costs as page

    return st.Page(page.show, title="Costs", url_path="costs")


def autonomy() -> st.Page:
    """/autonomy?task_type=set_intent"""
    from ui import autonomy as page

    return st.Page(page.show, title="Autonomy", url_path="autonomy")


def emergency() -> st.Page:
    from ui import emergency as page

    return st.Page(page.show, title="Emergency", url_path="emergency")


def review() -> st.Page:
    """/review?id=r-41"""
    from ui import review as page

    return st.Page(page.show, title="Review", url_path="review", visibility="hidden")


def thread() -> st.Page:
    """/thread?id=7f3c2a, or how the id begins."""
    from ui import thread as page

    return st.Page(page.show, title="Thread", url_path="thread", visibility="hidden")


def link_to_review(number: int, label: str) -> None:
    st.page_link(review(), label=label, query_params={"id": f"r-{number}"})


def link_to_thread(thread_id: str, label: str) -> None:
    st.page_link(thread(), label=label, query_params={"id": thread_id})


def link_back() -> None:
    st.page_link(inbox(), label="Back to the inbox")
