"""What somebody who has never seen a thread needs, and the place where a person does what is in its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import AutonomyError
from ui import drafts, rendering
from ui.application import with_application
from ui.markup import element, notice, put
from ui.visitor import me, person

if TYPE_CHECKING:
    from runtime.wiring import Application


def packet(thread: Mapping[str, Any]) -> None:
    """The handoff packet, to read and to take along."""
    from runtime.packet_text import markdown
    from runtime.packets import packet as read

    async def written(app: Application) -> str:
        return "\n".join(markdown(await read(app, await app.threads.get(thread["id"])))) + "\n"

    text = with_application(written)
    st.download_button(
        "Download as Markdown", text, f"packet-{thread['id']}.md", "text/markdown", on_click="ignore",
        key=f"packet-{thread['id']}",
    )  # fmt: skip
    put(rendering.article(text))


def blocker(review: Mapping[str, Any]) -> bool:
    """Take over what is in the way, or hand it back; whether anything else can be answered by the visitor."""
    number, holder = review["number"], review["taken_over_by"]
    if holder is None:
        with st.container(horizontal=True, vertical_alignment="center", key=f"taking-{number}"):
            st.button("Take it over", key=f"take-over-{number}", on_click=_take_over, args=(number,))
            put(element("p", "You do what is in the way yourself; the agent waits for you.", css="quiet"))
    elif holder == me().name:
        _hand_back_form(review)
    else:
        notice(f"{holder} has taken this over and does it by hand; only they hand it back.")
    if problem := st.session_state.pop(_refusal(number), None):
        notice(problem, "error")
    return holder in (None, me().name)


def _hand_back_form(review: Mapping[str, Any]) -> None:
    """The result is a draft like any other; the secret is in a form, so that it is sent with the click alone."""
    number, tool = review["number"], review["task_type"]
    with st.container(border=True, key=f"handing-back-{number}"):
        put(element("p", "You have taken this over. What came of it?", css="asked"))
        st.text_area(
            f"The result: in words, or as the JSON that {tool} would have answered",
            key=drafts.widget(number, "result", ""), on_change=drafts.keep, args=(number, "result"),
        )  # fmt: skip
        with st.form(f"hand-back-{number}", clear_on_submit=True, enter_to_submit=False, border=False):
            if tool != "planner":
                put(element("p", f"A secret goes to {tool} alone: not to the agent, nor into the record.", css="quiet"))
                with st.container(horizontal=True):
                    st.text_input("Name of a secret, if it needs one", key=f"secret-name-{number}", placeholder="token")
                    st.text_input("The secret", type="password", key=f"secret-{number}", autocomplete="off")
            st.form_submit_button("Hand it back", type="primary", on_click=_hand_back, args=(number,))


def _take_over(number: int) -> None:
    from runtime import handoffs

    who = person()
    try:
        with_application(lambda app: handoffs.take_over(app, number, who))
    except AutonomyError as error:
        st.session_state[_refusal(number)] = str(error)


def _hand_back(number: int) -> None:
    from runtime import handoffs

    who, name = person(), str(st.session_state.get(f"secret-name-{number}") or "").strip()
    value = st.session_state.get(f"secret-{number}")
    st.session_state[f"secret-{number}"] = ""
    given = handoffs.HandBack(str(drafts.typed(number, "result") or ""), {name: str(value)} if value else {})
    try:
        with_application(lambda app: handoffs.hand_back(app, number, who, given))
        drafts.sent(number)
    except AutonomyError as error:
        st.session_state[_refusal(number)] = str(error)


def _refusal(number: int) -> str:
    return f"hand-over-refused-{number}"
