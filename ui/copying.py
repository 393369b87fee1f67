"""A copy of a thread from one of its checkpoints: first what it would do again, then the copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import AutonomyError, StaleDecision
from core.people import Person
from runtime.arguments import from_yaml
from store.history import Moment
from ui import places
from ui.application import with_application
from ui.markup import element, notice, put
from ui.tables import table
from ui.visitor import person, role_in

if TYPE_CHECKING:
    from runtime.edits import StateEdit
    from runtime.forks import Plan
    from runtime.wiring import Application


def offer(thread: Mapping[str, Any], moment: Moment) -> None:
    """The way to a copy from that checkpoint."""
    place = moment.checkpoint_id
    put(element("h2", f"Fork from step {moment.step}", css="over-code"))
    put(element("p", "A copy begins with this state and goes on beside the thread, which is not touched.", css="quiet"))
    st.text_area(
        "What is different in the copy (YAML, or nothing)", key=f"fork-edit-{place}", height=90,
        placeholder="proposal: {arguments: {format: guide}}", on_change=_forget, args=(place,),
    )  # fmt: skip
    if role_in(thread["environment"], thread["tenant"]) == "admin":
        st.checkbox(
            "Live: what has not been done yet reaches outside", key=f"fork-live-{place}", on_change=_forget,
            args=(place,),
        )  # fmt: skip
    st.button("Show what it would do", key=f"fork-plan-{place}", on_click=_plan, args=(thread["id"], place))
    if problem := st.session_state.pop(f"fork-refused-{place}", None):
        notice(problem, "error")
    if (plan := st.session_state.get(f"fork-planned-{place}")) is not None:
        _planned(plan, place)
    if made := st.session_state.get(f"fork-made-{place}"):
        notice(f"Thread {made} is queued; a worker runs it.", "good")
        places.link_to_thread(made, "See the copy")


def _planned(plan: Plan, place: str) -> None:
    from runtime.forks import in_words

    kind = "Live: what has not been done yet reaches outside." if plan.live else "Tools that reach outside are stubs."
    if plan.effects:
        rows = [(f"#{each.seq}", each.action, in_words(each.fate)) for each in plan.effects]
        put(element("p", f"{kind} What the thread did after this checkpoint, if the copy does it too:"))
        put(table(("event", "did", "in the copy it"), rows))
    else:
        put(element("p", f"{kind} After this checkpoint the thread did nothing that its copy could do again."))
    st.button("Make the copy", type="primary", key=f"fork-{place}", on_click=_make, args=(plan, place))


def _forget(place: str) -> None:
    """What was shown is not what is asked for any more."""
    st.session_state.pop(f"fork-planned-{place}", None)


def _plan(thread_id: str, place: str) -> None:
    from runtime.edits import StateEdit, parsed_edit

    st.session_state.pop(f"fork-made-{place}", None)
    try:
        text = str(st.session_state.get(f"fork-edit-{place}") or "")
        edit = parsed_edit(from_yaml(text)) if text.strip() else StateEdit()
        live, who = bool(st.session_state.get(f"fork-live-{place}")), person()
        st.session_state[f"fork-planned-{place}"] = with_application(
            lambda app: _planned_now(app, thread_id, place, edit, live, who)
        )
    except AutonomyError as error:
        st.session_state[f"fork-refused-{place}"] = str(error)


async def _planned_now(app: Application, thread_id: str, place: str, edit: StateEdit, live: bool, who: Person) -> Plan:
    from runtime import forks

    return await forks.plan(app, await app.threads.get(thread_id), place, edit, live, who)


def _make(shown: Plan, place: str) -> None:
    """Plan again, by whoever clicks now, and make the copy if it would do what was shown."""
    from runtime import forks
    from runtime.edits import parsed_edit

    who = person()

    async def made(app: Application) -> str:
        plan = await _planned_now(app, shown.source["id"], place, parsed_edit(shown.edit), shown.live, who)
        if plan.effects != shown.effects:
            raise StaleDecision("The thread has done more since that was shown; look at it again.")
        return await forks.fork(app, plan, who.name)

    try:
        st.session_state[f"fork-made-{place}"] = with_application(made)
    except AutonomyError as error:
        st.session_state[f"fork-refused-{place}"] = str(error)
    _forget(place)
