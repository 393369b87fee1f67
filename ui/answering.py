"""The decision on a review: first what the proposal was worth, then the answer, and what is said once it is taken.

A click is handled in a callback, before the page is read anew: who comes second is then told so, instead of finding
the form gone. No st.form anywhere: what stands in one reaches the server only when it is sent, and a reload loses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from core.errors import AutonomyError, BadInput, Unavailable
from core.people import Approver
from core.reviews import WireAnswer
from core.vocabulary import Reason, Verdict, members
from policy.people import role_of
from runtime.arguments import as_yaml
from runtime.presenting import hindrance
from runtime.timeline import in_words
from ui import claiming, deciding, drafts, editing, handing_over, places, reading, texts
from ui.frame import outage, told, workers_away
from ui.markup import element, notice, put, section
from ui.visitor import known, me
from ui.words import CHOICES, REASONS, ROLES, VERDICTS, decided, spaced

Review = Mapping[str, Any]
_KEYS: Final[Mapping[str, str]] = {"right": "Y", "wrong": "N", "unclear": "U"}


def ask(review: Review, mine: bool) -> None:
    """The ways to answer that this review takes; `mine`: nobody else is at it."""
    number = review["number"]
    st.session_state.pop(f"sent-{number}", None)  # it may be open again
    put(element("h2", "Your decision", css="over-code"))
    approver = known(review["tenant"], review["thread_id"], review["action_hash"])
    if (role := role_of(review["environment"], approver)) in ("none", "viewer"):
        notice(f"Your role here is {ROLES[role]}; a reviewer, a publisher or an admin decides.")
        return
    if why := hindrance(review, approver, None, "reject", None):
        notice(why)
        _asking_another(review)
        return
    if not mine:
        holder = review["claimed_by"] or "somebody else"
        notice(f"{holder} is deciding on this.")
        claiming.take(number, holder)
        return
    with st.container(), told():  # one element, said or not: see frame.said_once
        if drafts.restored(number):
            _restored(number)
        if st.session_state.get(_cut_off(number)) and not outage():
            notice("The database went away while you decided, and nothing was taken: decide again.", "warning")
    allowed = review["request"]["review_configs"][0]["allowed_decisions"]
    if "approve" not in allowed and "edit" in allowed:
        notice("Its score is too high to approve it as it stands. Edit it, or reject it with a reason.")
    barred = _barred(review, approver, allowed)
    allowed = [wire for wire in allowed if wire not in barred or wire == "approve"]
    with st.container(horizontal=True, vertical_alignment="center", key="deciding"):
        if review["kind"] == "action":
            _verdict(number)
        _doors(review, allowed, barred)
    for why in dict.fromkeys(barred.values()):
        notice(why)
    for wire in ("approve", "edit", "reject"):
        if drafts.typed(number, "door") != wire:
            _refused(review, wire)
    if drafts.typed(number, "door") == "edit" and "edit" in allowed:
        _edit(review)
    if drafts.typed(number, "door") == "reject" and "reject" in allowed:
        _reject(review)
    if drafts.typed(number, "door") == "assign":
        _assign(review)
    if review["kind"] == "blocker" and not handing_over.blocker(review):
        return
    if "respond" in allowed:
        _respond(review)


def decision(review: Review) -> None:
    """What was decided, by whom, what happens now; and to whoever came too late, what has changed since."""
    st.session_state.pop(_cut_off(review["number"]), None)
    late = [_refused(review, wire) for wire in ("approve", "edit", "reject", "respond")]
    if review["answer"] is None:
        notice(f"This review is {review['state']}; nothing is left to decide.")
    else:
        notice(f"Decided: {decided(review)}. The thread goes on by itself.", "good")
        claiming.undoing(review)
        _said(review, review["decision"] or {})
        with told():
            workers_away()
    if any(late) or review["state"] in ("withdrawn", "expired"):
        with told():
            _changed_since(review)
    with st.container(horizontal=True):
        _next(review)
        places.link_to_thread(review["thread_id"], "See the thread")
        places.link_back()


def _next(review: Review) -> None:
    """The way to the next of the same kind, if there is one. An outage must not take the form below with it."""
    number = None
    with told():
        number = reading.after(review["number"], review["task_type"], me().name)
    if number is not None and st.button(f"Next like it: r-{number}", key="next", shortcut="J"):
        st.switch_page(places.review(), query_params={"id": f"r-{number}"})


def _changed_since(review: Review) -> None:
    lines = [in_words(stored, {}) for stored in reading.since(review) if stored.kind != "decision"]
    said = [element("li", f"{what}: {why}" if why else what) for what, why in lines[-8:]]
    if said:
        put(section("What has changed since it was asked", element("ul", *said)))


def _said(review: Review, answer: Mapping[str, Any]) -> None:
    if answer.get("message"):
        put(section("What was said", element("p", answer["message"])))
    if answer.get("verdict"):
        reason = f", {REASONS.get(answer['reason'], answer['reason'])}" if answer.get("reason") else ""
        put(element("p", f"The proposal was {spaced(answer['verdict'])}{reason}.", css="quiet"))
    if final := answer.get("edited_action"):
        put(element("h2", "What was approved instead", css="over-code"))
        st.code(as_yaml(final["args"]), language=None, wrap_lines=True)
        with told():
            texts.rewritten(review, final["args"])


def _restored(number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        notice("What you had typed is here again.")
        st.button("Discard it", key=f"discard-{number}", on_click=drafts.forget, args=(number,))


def _verdict(number: int) -> None:
    """On the proposal as it was made, before anything is changed."""
    chosen = drafts.typed(number, "verdict")
    with st.container(horizontal=True, vertical_alignment="center", width="content", key=f"verdict-{number}"):
        with st.container(width="content"):
            put(element("p", "As proposed, was it right?", css="asked"))
        for verdict in VERDICTS:
            st.button(
                VERDICTS[verdict], key=f"{verdict}-{number}", shortcut=_KEYS[verdict],
                type="primary" if chosen == verdict else "secondary",
                on_click=drafts.put, args=(number, "verdict", verdict),
            )  # fmt: skip
        if chosen in ("wrong", "unclear"):
            key = drafts.widget(number, "reason")
            st.selectbox(
                "What was wrong", members(Reason), None, lambda word: REASONS[word], key=key, width=220,
                label_visibility="collapsed", placeholder="What was wrong?",
                on_change=drafts.keep, args=(number, "reason"),
            )  # fmt: skip


def _barred(review: Review, approver: Approver, allowed: list[str]) -> dict[str, str]:
    """Of the answers that this review takes, those that the visitor may not give, each with the reason."""
    facts = None
    with told():
        facts = reading.facts(review)
    policies = reading.settings().policies
    said = {wire: hindrance(review, approver, facts, wire, policies) for wire in ("approve", "edit") if wire in allowed}
    return {wire: why for wire, why in said.items() if why}


def _asking_another(review: Review) -> None:
    """What is left to somebody who may review, though not this."""
    number = review["number"]
    with st.container(horizontal=True):
        st.button("Ask someone", key=f"door-assign-{number}", shortcut="M", on_click=drafts.put,
                  args=(number, "door", "assign"))  # fmt: skip
        _next(review)
    if drafts.typed(number, "door") == "assign":
        _assign(review)


def _doors(review: Review, allowed: list[str], barred: Mapping[str, str]) -> None:
    """The answers as buttons, each with its key."""
    number, door = review["number"], drafts.typed(review["number"], "door")
    with st.container(horizontal=True, width="content", key=f"doors-{number}"):
        if "approve" in allowed:
            st.button(
                "Approve",
                type="primary",
                key=f"approve-{number}",
                shortcut="A",
                disabled="approve" in barred,
                help=barred.get("approve"),
                on_click=_take,
                args=(review, "approve"),
            )
        for name, label, shortcut in (("edit", "Edit", "E"), ("reject", "Reject", "X"), ("assign", "Ask someone", "M")):
            if name in (*allowed, "assign"):
                opens = None if door == name else name
                st.button(
                    label,
                    key=f"door-{name}-{number}",
                    shortcut=shortcut,
                    on_click=drafts.put,
                    args=(number, "door", opens),
                )
        _next(review)


def _edit(review: Review) -> None:
    with st.container(border=True, key=f"editing-{review['number']}"):
        editing.form(review)
        st.button(
            "Approve with these changes",
            type="primary",
            key=f"edit-{review['number']}",
            on_click=_take,
            args=(review, "edit"),
        )
        _refused(review, "edit")


def _reject(review: Review) -> None:
    number = review["number"]
    with st.container(border=True, key=f"rejecting-{number}"):
        _area(number, "message", "Why? The agent reads it and proposes something else.")
        st.button("Reject it", type="primary", key=f"reject-{number}", on_click=_take, args=(review, "reject"))
        _refused(review, "reject")


def _assign(review: Review) -> None:
    number = review["number"]
    with st.container(border=True, horizontal=True, vertical_alignment="bottom", key=f"assigning-{number}"):
        key = drafts.widget(number, "assignee", review["assignee"] or "")
        st.text_input("Who is to decide?", key=key, max_chars=200, on_change=drafts.keep, args=(number, "assignee"))
        st.button("Ask them", key=f"assign-{number}", on_click=_assigned, args=(number,))


def _assigned(number: int) -> None:
    from ui import writing

    try:
        writing.assign(number, str(drafts.typed(number, "assignee") or "").strip() or None)
        drafts.put(number, "door", None)
    except AutonomyError as error:
        st.session_state[_problem({"number": number}, "approve")] = str(error)


def _respond(review: Review) -> None:
    number, choices = review["number"], review["request"].get("choices")
    if review["taken_over_by"]:
        choices = [choice for choice in choices or () if choice != "hand_back"]
    with st.container(border=True, key=f"responding-{number}"):
        if choices:
            key = drafts.widget(number, "choice")
            st.selectbox(
                "Answer", choices, None, _choice_in_words, key=key, on_change=drafts.keep, args=(number, "choice")
            )
        _area(number, "answer", "Your message" if choices else "Your answer")
        st.button("Answer", type="primary", key=f"respond-{number}", on_click=_take, args=(review, "respond"))
        _refused(review, "respond")


def _area(number: int, name: str, label: str) -> None:
    st.text_area(label, key=drafts.widget(number, name, ""), on_change=drafts.keep, args=(number, name))


def _choice_in_words(choice: str) -> str:
    return CHOICES.get(choice, choice)


def _take(review: Review, wire: WireAnswer) -> None:
    """Decide. What cannot be used is said beside the form, in which everything typed stays."""
    number = review["number"]
    st.session_state.pop(_cut_off(number), None)
    try:
        arguments = editing.entered(review) if wire == "edit" else None
        rewritten = editing.rewritten(review) if wire == "edit" else None
        message = "" if wire in ("approve", "edit") else _message(review, wire)
        deciding.decide(number, wire, arguments=arguments, texts=rewritten, message=message, word=_word(review))
        drafts.sent(number)
    except Unavailable:
        st.session_state[_cut_off(number)] = True  # the page says what does not answer; whether it was taken is read
    except AutonomyError as error:
        st.session_state[_problem(review, wire)] = str(error)


def _word(review: Review) -> deciding.Word:
    """What was said of the proposal; nothing where it is not on an action."""
    verdict: Verdict | None = drafts.typed(review["number"], "verdict") if review["kind"] == "action" else None
    reason: Reason | None = drafts.typed(review["number"], "reason") if verdict in ("wrong", "unclear") else None
    return deciding.Word(verdict, reason)


def _message(review: Review, wire: WireAnswer) -> str:
    """The message as the wire takes it: a choice is its first word. Raises BadInput when nothing was answered."""
    number, choices = review["number"], review["request"].get("choices")
    if wire == "reject":
        return str(drafts.typed(number, "message") or "").strip()
    message, choice = str(drafts.typed(number, "answer") or "").strip(), drafts.typed(number, "choice")
    if choices and not choice:
        raise BadInput("Choose an answer first.")
    if not choices and not message:
        raise BadInput("An answer needs words.")
    return f"{choice} {message}".strip() if choices else message


def _refused(review: Review, wire: str) -> bool:
    """The line that says why an answer was not taken, once; whether there was one."""
    with st.container():  # one element, said or not: see frame.said_once
        if problem := st.session_state.pop(_problem(review, wire), None):
            notice(problem, "error")
    return bool(problem)


def _problem(review: Review, wire: str) -> str:
    return f"{wire}-refused-{review['number']}"


def _cut_off(number: int) -> str:
    return f"cut-off-{number}"
