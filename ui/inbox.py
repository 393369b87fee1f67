"""The inbox: what waits for people, the most urgent first, kept up to date while somebody reads or types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from core.errors import AutonomyError
from core.vocabulary import Reason, members
from runtime import inbox as filters
from ui import deciding, drafts, places, reading
from ui.frame import framed, told, workers_away
from ui.markup import Html, element, joined, notice, put
from ui.visitor import me, role_in
from ui.words import REASONS, TIERS, due, reason, spaced, waits

PAGE: Final = 25
_FIRST: Final[Mapping[str, str]] = {"task_type": "Task type", "reason": "Asked because of"}
_MORE: Final[Mapping[str, str]] = {"tier": "Tier", "assignee": "Asked of", "batch": "Batch", "tenant": "Company"}


def show() -> None:
    put(element("h1", "Inbox"))
    with told():
        workers_away()
        chosen = _filters(reading.facets())
        _bulk_result()
        _waiting(chosen)
        st.html(drafts.PAUSE, unsafe_allow_javascript=True)


def _filters(facets: Sequence[reading.Row]) -> dict[str, Any]:
    """What was chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        key = _asked("search")
        searching: Any = {"on_change": _addressed, "args": ("search",), "placeholder": "keyword, words, r-41"}
        st.text_input("Search", key=key, width=240, **searching)
        chosen: dict[str, Any] = {"search": st.session_state[key]}
        chosen |= {name: _filter(name, label, filters.options(facets, name)) for name, label in _FIRST.items()}
        hidden = sum(bool(st.session_state[_asked(name)]) for name in (*_MORE, "age"))
        with st.popover(f"More filters ({hidden})" if hidden else "More filters"):
            chosen["age"] = _filter("age", "Waits", dict.fromkeys(filters.AGES, 0))
            for name, label in _MORE.items():
                always = {filters.ME: 0} if name == "assignee" else {}
                chosen[name] = _filter(name, label, always | filters.options(facets, name))
    return chosen


def _filter(name: str, label: str, counted: Mapping[str, int]) -> str | None:
    key = _asked(name)
    asked = st.session_state[key]
    options = [*counted, *([asked] if asked and asked not in counted else [])]  # what nothing is left of stays chosen

    def worded(word: str) -> str:
        return {"tier": TIERS.get(word, word), "reason": reason(word)}.get(name, word)

    changed: Any = {"on_change": _addressed, "args": (name,)}
    found: str | None = st.selectbox(label, options, None, worded, key=key, placeholder="all", width=200, **changed)
    return found


def _asked(name: str) -> str:
    """The key of a filter's widget, which begins with what the address says."""
    key = f"filter-{name}"
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(name)
    return key


def _addressed(name: str) -> None:
    """Put what was chosen into the address, so that it can be sent to somebody."""
    if chosen := st.session_state[f"filter-{name}"]:
        st.query_params[name] = chosen
    else:
        st.query_params.pop(name, None)


@st.fragment(run_every=2)
def _waiting(chosen: Mapping[str, Any]) -> None:
    with told():
        person, now = me().name, datetime.now(UTC)
        pages = _pages(chosen)
        rows = reading.inbox(filters.parameters(chosen, person, now, pages[-1] if pages else None, PAGE + 1))
        waiting, unread = reading.counts(person)
        if waiting != st.session_state.get("waiting"):
            st.session_state["waiting"] = waiting
            st.rerun()  # the navigation says how many wait
        put(_heading(waiting, unread, len(rows), chosen))
        several = _several(chosen, rows)
        for row in rows[:PAGE]:
            _row(row, several, now)
        if several:
            _bulk([row["number"] for row in rows[:PAGE]])
        _turn(pages, rows)


def _heading(waiting: int, unread: int, found: int, chosen: Mapping[str, Any]) -> Html:
    if waiting == 0:
        return element("p", "Nothing waits for you. What needs a person appears here by itself.", css="quiet empty")
    said = f"{waiting:,} wait" if waiting > 1 else "1 waits"
    if found == 0 and any(chosen.values()):
        return element(
            "p", f"None of the {waiting:,} that wait are like this. Clear a filter to see more.", css="quiet empty"
        )
    return element("p", f"{said} for people, {unread:,} not opened by you. The most urgent first.", css="quiet")


def _row(row: Mapping[str, Any], several: bool, now: datetime) -> None:
    with framed(f"row-{row['number']}"):
        if several:
            st.checkbox(f"Choose r-{row['number']}", key=f"choose-{row['number']}", label_visibility="collapsed")
        put(_summary(row, now))
        places.link_to_review(row["number"], f"Open r-{row['number']}")


def _summary(row: Mapping[str, Any], now: datetime) -> Html:
    by = row["due_at"] or row["opened_at"] + timedelta(hours=reading.settings().review_due_hours)
    late = "late" if by < now else ""
    about = [row["task_type"], row["tenant"], f"asked because of {reason(row['reason'])}"]
    about += [f"batch b-{row['batch']}"] if row["batch"] else []
    about += [f"asked of {row['assignee']}"] if row["assignee"] else []
    if row["kind"] != "action":
        about.insert(0, spaced(row["kind"]))
    tier = element("span", TIERS[row["tier"]], css=f"status {row['tier']}") if row["tier"] == "irreversible" else ""
    by_me = row["claimed_by"] == me().name
    who = "you have it" if by_me else f"{row['claimed_by']} has it"
    holder = element("span", who, css=f"status {'' if by_me else 'waiting'}") if row["claimed_by"] else ""
    dot = element("span", "●", css="unread", title="not opened by you") if row["unread"] else ""
    time = element("span", f"{waits(row['opened_at'], now)} · {due(by, now)}", css=late)
    return element(
        "div",
        element("p", dot, row["subject"], " ", tier, " ", holder, css="subject"),
        element("p", " · ".join(about), " · ", time, css="quiet"),
        element("p", row["description"] or "", css="clamped"),
        css="summary",
    )


def _pages(chosen: Mapping[str, Any]) -> list[tuple[float, int]]:
    """Where the pages before this one end; forgotten when another filter is chosen."""
    asked = tuple(sorted((name, str(value)) for name, value in chosen.items()))
    if st.session_state.get("paged") != asked:
        st.session_state["paged"], st.session_state["pages"] = asked, []
    found: list[tuple[float, int]] = st.session_state["pages"]
    return found


def _turn(pages: list[tuple[float, int]], rows: Sequence[Mapping[str, Any]]) -> None:
    with st.container(horizontal=True):
        if pages:
            st.button("Back", key="page-back", on_click=_turn_back, args=(pages,))
        if len(rows) > PAGE:
            last = rows[PAGE - 1]
            st.button("More", key="page-more", on_click=pages.append, args=((last["urgency"], last["number"]),))


def _turn_back(pages: list[tuple[float, int]]) -> None:
    pages.pop()


def _several(chosen: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether many can be decided at once: the list holds one task type and reason, and nothing final."""
    alike = {(row["tenant"], row["task_type"], row["reason"], row["kind"]) for row in rows}
    offered = len(rows) > 1 and len(alike) == 1 and all(row["tier"] in ("read-only", "reversible") for row in rows)
    if not offered or next(iter(alike))[3] != "action" or not (chosen["task_type"] or chosen["reason"]):
        return False
    if role_in(reading.settings().environment, next(iter(alike))[0]) in ("none", "viewer"):
        return False
    return st.toggle("Decide several", key="several")


def _bulk(numbers: Sequence[int]) -> None:
    chosen = [number for number in numbers if st.session_state.get(f"choose-{number}")]
    with st.container(border=True, key="bulk"):
        put(element("p", f"{len(chosen)} chosen of {len(numbers)} on this page", css="quiet"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.button("Choose all", key="bulk-all", on_click=_choose, args=(numbers,))
            for wire, label in (("approve", "Approve them"), ("reject", "Reject them")):
                st.button(label, key=f"bulk-{wire}", disabled=not chosen, on_click=_decide, args=(wire, chosen))
            st.selectbox(
                "What was wrong", members(Reason), None, lambda word: REASONS[word], key="bulk-reason", width=240,
                label_visibility="collapsed", placeholder="What was wrong?",
            )  # fmt: skip
        st.text_input("Why? The agent reads it.", key="bulk-message")


def _choose(numbers: Sequence[int]) -> None:
    for number in numbers:
        st.session_state[f"choose-{number}"] = True


def _decide(wire: Any, numbers: Sequence[int]) -> None:
    verdict: Any = "wrong" if wire == "reject" else "right"
    word = deciding.Word(verdict, st.session_state.get("bulk-reason") if wire == "reject" else None)
    message = "" if wire == "approve" else str(st.session_state.get("bulk-message") or "")
    try:
        st.session_state["bulk-result"] = (wire, deciding.decide_alike(numbers, wire, message, word))
    except AutonomyError as error:
        st.session_state["bulk-result"] = (wire, str(error))


@st.fragment(run_every=2)
def _bulk_result() -> None:
    """What became of the last answer to several; it stays until the next one."""
    if (found := st.session_state.get("bulk-result")) is None:
        return
    wire, taken = found
    if isinstance(taken, str):
        notice(taken, "error")
        return
    lost = [element("li", why) for _, why in taken.lost]
    word = {"approve": "approved", "reject": "rejected"}[wire]
    said = f"{len(taken.taken)} {word}, {len(taken.lost)} not."
    put(
        element("div", element("p", said), element("ul", *lost) if lost else joined(), css="notice good", role="status")
    )
