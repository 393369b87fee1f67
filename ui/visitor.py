"""Who is on the page: whoever logged in, or, on this machine only, the local user."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import BadInput, DatabaseUnavailable
from core.people import Approver, Person
from core.vocabulary import Environment
from policy.facts import ApproverRole
from policy.people import role_of
from runtime.people import admitted, local_user
from ui import reading
from ui.markup import element, notice, put


@dataclass(frozen=True, slots=True)
class Visitor:
    """`verified`: a login says so; `origin`: from where, in words."""

    name: str
    verified: bool
    origin: str

    @property
    def shown(self) -> str:
        return self.name if self.verified else f"{self.name} · local user, not verified"


def me() -> Visitor:
    """Raises BadInput for somebody who logged in and is not let in."""
    where = f"console, from {st.context.ip_address or 'this machine'}"
    if not reading.settings().oidc:
        return Visitor(local_user(), False, where)
    return Visitor(admitted(st.user.to_dict(), reading.settings().oidc_allowed), True, where)


def person() -> Person:
    """The visitor, as whoever decides."""
    visitor = me()
    return Person(visitor.name, visitor.verified, visitor.origin)


def role_in(environment: Environment, tenant: str) -> ApproverRole:
    """What the visitor may do, for what to offer. Whatever is clicked is asked again where it is done."""
    return role_of(environment, known(tenant))


def known(tenant: str, thread_id: str = "", of: str = "") -> Approver:
    """What is known of the visitor as whoever decides on the action `of`; as last read while the database is away."""
    place = f"known-{tenant}-{of}"
    try:
        st.session_state[place] = reading.approver(person(), tenant, thread_id, of)
    except DatabaseUnavailable:
        if place not in st.session_state:
            raise
    found: Approver = st.session_state[place]
    return found


def shown() -> None:
    """Who is on the page, at its edge."""
    with st.container(horizontal=True, key="visitor", vertical_alignment="center"):
        put(element("p", me().shown, css="quiet"))
        if me().verified:
            st.button("Log out", key="log-out", type="tertiary", on_click=st.logout)


def let_in() -> bool:
    """Whether to show the pages; otherwise a way to log in, or out again, is on the page."""
    if not reading.settings().oidc:
        return True
    if not st.user.is_logged_in:
        st.title("autonomy")
        st.button("Log in", type="primary", on_click=st.login)
        return False
    try:
        me()
    except BadInput as error:
        notice(str(error), "error")
        st.button("Log out", on_click=st.logout)
        return False
    return True
