"""Emergency: lock down, lift that, stop everything. Each takes a typed word, so that no click does it by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from core.errors import AutonomyError, BadInput
from core.vocabulary import Environment, members
from store.lockdown import LockdownStore, Switch
from store.roles import EVERY_TENANT
from ui.application import with_application
from ui.frame import said_once, told
from ui.markup import element, notice, put
from ui.visitor import person, role_in

if TYPE_CHECKING:
    from runtime.wiring import Application

EVERYTHING: Final = "everything"
_DONE: Final = "emergency-done"


def show() -> None:
    put(element("h1", "Emergency"))
    with told():
        on = with_application(lambda app: LockdownStore(app.pool).switches())
        # Each in one place, however much it holds: a field that moved would forget what is being typed.
        with st.container():
            _say(on)
        _lock_down()
        with st.container():
            for place, switch in enumerate(on):
                _lift(place, switch)
        _stop()


def _say(on: Sequence[Switch]) -> None:
    for switch in on:
        notice(f"Lockdown is on {switch}. Nothing runs there that is not read-only.", "error")
    if not on:
        put(element("p", "No lockdown is on.", css="quiet"))
    said_once(_DONE)


def _lock_down() -> None:
    with st.container(border=True, key="lock-down"):
        put(element("h2", "Lock down"))
        put(element("p", "Nothing but reading from then on, whatever was approved before. Threads wait, and go on "
                    "when it is lifted. Anybody may."))  # fmt: skip
        with st.container(horizontal=True):
            domain = _domain("lock-domain", agents=True)
            environment = st.selectbox(
                "Environment", members(Environment), None, key="lock-environment", placeholder="every environment",
                width=220,
            )  # fmt: skip
        _typed("lock", "Lock down", domain or environment or EVERYTHING, _locked, domain, environment)


def _lift(place: int, switch: Switch) -> None:
    with st.container(border=True, key=f"lift-{place}"):
        put(element("h2", f"Lift the lockdown for {switch.covers}"))
        if role_in("local", EVERY_TENANT) != "admin":
            put(element("p", "Only an admin lifts it.", css="quiet"))
            return
        put(element("p", "What only waited for it goes on by itself."))
        _typed(f"lift-{place}", "Lift it", "lift", _lifted, switch.domain, switch.environment)


def _stop() -> None:
    with st.container(border=True, key="stop-many"):
        put(element("h2", "Stop"))
        put(element("p", "Ends the threads for good, each before its next step; what they ask of people is withdrawn. "
                    "A lockdown may be enough."))  # fmt: skip
        domain = _domain("stop-domain")
        _typed("stop", "Stop them for good", domain or EVERYTHING, _stopped, domain)


def _domain(key: str, *, agents: bool = False) -> str | None:
    """`agents`: a tenant's agent of a domain can be typed too."""
    from runtime.wiring import DOMAINS

    label, empty = ("Domain or agent", "every domain, or acme/seo") if agents else ("Domain", "every domain")
    chosen: str | None = st.selectbox(
        label, list(DOMAINS), None, key=key, placeholder=empty, width=240, accept_new_options=agents
    )
    return chosen


def _typed(key: str, label: str, word: str, act: Callable[..., None], *args: Any) -> None:
    """The reason, the word that has to be typed, and the button, which asks for that word again on the server."""
    st.text_input("Why? It is kept with it.", key=f"{key}-why", max_chars=500)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(f"Type “{word}” to confirm", key=f"{key}-word", width=280)
        st.button(label, key=f"{key}-act", type="primary", on_click=_confirmed, args=(key, word, act, *args))


def _confirmed(key: str, word: str, act: Callable[..., None], *args: Any) -> None:
    try:
        if str(st.session_state.get(f"{key}-word") or "").strip().casefold() != word.casefold():
            raise BadInput(f"Nothing was done: type “{word}” to confirm.")
        act(str(st.session_state.get(f"{key}-why") or ""), *args)
        st.session_state[f"{key}-word"] = ""
    except AutonomyError as error:
        st.session_state[_DONE] = (str(error), "error")


def _locked(why: str, domain: str | None, environment: Environment | None) -> None:
    from runtime import emergency

    who = person()
    with_application(lambda app: emergency.lock_down(app, domain, environment, who, why))


def _lifted(why: str, domain: str | None, environment: Environment | None) -> None:
    from runtime import emergency

    who = person()
    count = with_application(lambda app: emergency.lift(app, domain, environment, who, why))
    threads = f"{count:,} thread{'' if count == 1 else 's'}"
    st.session_state[_DONE] = (f"Lifted. {threads} that waited for it can go on.", "good")


def _stopped(why: str, domain: str | None) -> None:
    from runtime import emergency

    who = person()

    async def stop(app: Application) -> tuple[int, int]:
        return await emergency.stop(app, domain, who, why, lambda count: None)

    ended, running = with_application(stop)
    still = f" {running:,} still run their step and stop before the next one." if running else ""
    st.session_state[_DONE] = (f"{ended:,} thread{'' if ended == 1 else 's'} stopped.{still}", "good")
