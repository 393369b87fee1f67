"""A thread's checkpoints, the state at each, and a copy from one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from runtime.arguments import as_yaml
from store.history import HistoryStore, Moment
from ui import copying
from ui.application import with_application
from ui.markup import element, put
from ui.tables import table

if TYPE_CHECKING:
    from core.state import Json
    from runtime.wiring import Application


def show(thread: Mapping[str, Any]) -> None:
    moments = with_application(lambda app: HistoryStore(app.pool).moments(thread["id"]))
    if not moments:
        put(element("p", "Nobody has run this thread yet, so it has no checkpoint.", css="quiet"))
        return
    if thread["pruned_at"]:
        put(element("p", "The thread was pruned: only its last checkpoint is kept.", css="quiet"))
    put(table(("step", "when", "ran", "changed", "then"), [_row(each) for each in moments]))
    chosen = st.selectbox(
        "State at", moments, len(moments) - 1, _name, key=f"checkpoint-{thread['id']}-{len(moments)}", width=420
    )
    _state(thread, chosen, moments)


def _state(thread: Mapping[str, Any], chosen: Moment, moments: Sequence[Moment]) -> None:
    from runtime.states import state_at  # brings what runs a thread, for which no other page must wait

    async def read(app: Application) -> Json:
        return await state_at(app, thread["id"], chosen.checkpoint_id)

    put(element("p", f"Checkpoint {chosen.checkpoint_id}", css="quiet"))
    with st.container(height=420, key="state"):
        st.code(as_yaml(with_application(read)), language=None, wrap_lines=True)
    if chosen.waits:
        copying.offer(thread, chosen)
    elif len(moments) > 1:
        put(element("p", "Nothing follows this step, so there is nothing to fork from it.", css="quiet"))


def _name(moment: Moment) -> str:
    return f"step {moment.step}: {_ran(moment)}, then {', '.join(moment.waits) or 'nothing'}"


def _ran(moment: Moment) -> str:
    return ", ".join(moment.nodes) or ("the task" if moment.parent_id is None else "–")


def _row(moment: Moment) -> tuple[str, ...]:
    at = f"{datetime.fromisoformat(moment.at).astimezone():%H:%M:%S}"
    then = "; ".join(moment.reviews) or ", ".join(moment.waits)
    return str(moment.step), at, _ran(moment), ", ".join(moment.changed), then
