"""What ran alone and is looked at afterwards. Neither the score is shown, nor whether it was planted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from core.errors import AutonomyError
from core.vocabulary import Reason, Verdict, members
from runtime.arguments import as_yaml
from store.audits import AuditStore
from store.outcomes import Word
from ui import places, texts
from ui.application import with_application
from ui.frame import said_once, told
from ui.markup import element, notice, put, section
from ui.tables import download, table
from ui.visitor import me, person, role_in
from ui.words import REASONS, ROLES, VERDICTS, moment

_LISTED: Final = 200
_KEYS: Final[Mapping[Verdict, str]] = {"right": "Y", "wrong": "N", "unclear": "U"}
_DONE: Final = "audit-done"
_JUDGED: Final = "audit-judged"
_COLUMNS: Final = ("number", "tenant", "task_type", "subject", "opened_at")


def show() -> None:
    put(element("h1", "Audits"))
    with told():
        rows = with_application(lambda app: AuditStore(app.pool).waiting(None, _LISTED))
        said_once(_DONE)
        if judged := st.session_state.pop(_JUDGED, None):
            places.link_to_thread(judged, "See its thread")
        if not rows:
            put(element("p", "Nothing waits to be looked at.", css="quiet"))
            return
        numbers = {row["number"]: row for row in rows}
        asked = st.query_params.get("id", "")
        first = next((place for place, each in enumerate(numbers) if str(each) == asked), 0)
        number = st.selectbox(
            "Look at", list(numbers), first, lambda each: _named(numbers[each]), width=460,
            key=f"audit-{asked}-{rows[0]['number']}",
        )  # fmt: skip
        _one(numbers[number])
        put(
            element(
                "p",
                "Its thread is linked once you have judged it: what happened there would answer for you.",
                css="quiet",
            )
        )
        cells = [(str(row["number"]), row["task_type"], row["subject"], moment(row["opened_at"])[5:16]) for row in rows]
        put(section("All that wait, oldest first", table(("audit", "task type", "for", "since"), cells)))
        download("audits", _COLUMNS, rows)


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['number']} · {row['task_type']} · {row['subject']}"


def _one(row: Mapping[str, Any]) -> None:
    from runtime.audits import proposal_of

    number = row["number"]
    _, proposal = with_application(lambda app: proposal_of(app, number))
    if proposal is None:
        notice("What was proposed is no longer kept; answer that you can't tell.", "warning")
    else:
        put(section("What was done", element("p", f"Because: {proposal.report.rationale}")))
        st.code(as_yaml(proposal.arguments), language=None, wrap_lines=True)
        texts.article_of(row["tenant"], proposal.arguments, f"audit-{number}")
    if (role := role_in(row["environment"], row["tenant"])) in ("none", "viewer"):
        notice(f"Your role here is {ROLES[role]}; a reviewer, a publisher or an admin judges.")
        return
    if row["environment"] != "local" and row["requester"] == me().name:
        notice("You started this thread and cannot judge it; someone else has to.")
        return
    _verdict(number)


def _verdict(number: int) -> None:
    with st.container(border=True, key=f"judging-{number}"):
        put(element("p", "Was it right?", css="asked"))
        with st.container(horizontal=True):
            st.selectbox(
                "What was wrong", members(Reason), None, REASONS.__getitem__, key=f"audit-reason-{number}", width=240,
                label_visibility="collapsed", placeholder="If not, what was wrong?",
            )  # fmt: skip
            st.text_input(
                "Note", key=f"audit-note-{number}", placeholder="and why", label_visibility="collapsed", max_chars=500
            )
        with st.container(horizontal=True):
            for verdict, label in VERDICTS.items():
                st.button(label, key=f"audit-{verdict}-{number}", shortcut=_KEYS[verdict], on_click=_judge,
                          args=(number, verdict))  # fmt: skip


def _judge(number: int, verdict: Verdict) -> None:
    from runtime.audits import judge

    reason: Reason | None = st.session_state.get(f"audit-reason-{number}")
    word, who = Word(verdict, reason, str(st.session_state.get(f"audit-note-{number}") or "")), person()
    try:
        st.session_state[_JUDGED] = with_application(lambda app: judge(app, number, word, who))
    except AutonomyError as error:
        st.session_state[_DONE] = (str(error), "error")
    else:
        st.session_state[_DONE] = (f"Audit {number}: {verdict}.", "good")
