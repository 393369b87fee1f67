"""A recorded thread once more, beside what it did then. It runs in memory, in a thread of its own, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import AutonomyError
from runtime.settings import Settings
from ui import reading
from ui.application import with_application
from ui.frame import say
from ui.markup import element, notice, put
from ui.tables import table

if TYPE_CHECKING:
    from runtime.replay.run import Replayed
    from runtime.wiring import Application


@dataclass(slots=True)
class _Run:
    """A replay that was asked for. `changed`: what is another than it was then; `steps`: nodes that have run so far."""

    future: Future[Replayed] | None = None
    changed: tuple[str, ...] = ()
    steps: int = 0

    def counted(self, _: str) -> None:
        self.steps += 1


def show(thread: Mapping[str, Any]) -> None:
    key = f"replay-{thread['id']}"
    put(element("p", "Runs the recorded thread again, in memory: nothing is asked of a model or a tool, nothing is "
                "written. It says where it first decides otherwise.", css="quiet"))  # fmt: skip
    run: _Run | None = st.session_state.get(key)
    going = run is not None and run.future is not None and not run.future.done()
    st.button("Replay", key=f"{key}-begin", disabled=going, on_click=_begin, args=(key, thread["id"]))
    if run is not None:
        st.fragment(_result, run_every=1 if going else None)(key, going)


def _begin(key: str, thread_id: str) -> None:
    run, settings = _Run(), reading.settings()
    run.future = _replays().submit(_replay, thread_id, settings, run)
    st.session_state[key] = run


@st.cache_resource(show_spinner=False)
def _replays() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="replay")


def _replay(thread_id: str, settings: Settings, run: _Run) -> Replayed:
    from runtime.replay.record import read
    from runtime.replay.run import replay_record
    from runtime.replay.versions import changes, refuse_later

    async def work(app: Application) -> Replayed:
        record = await read(app, await app.threads.get(thread_id))
        refuse_later(record)
        run.changed = tuple(changes(app, record))
        return await replay_record(app, record, run.counted)

    return with_application(work, settings)


def _result(key: str, waiting: bool) -> None:
    run: _Run = st.session_state[key]
    for sentence in run.changed:
        put(element("p", sentence, css="quiet"))
    if run.future is None or not run.future.done():
        st.status(f"Replaying: {run.steps} steps so far", state="running")
        return
    if waiting:
        st.rerun()  # the whole page, which need not ask again every second
    try:
        replayed = run.future.result()
    except AutonomyError as error:
        say(error)
        return
    _came_out(replayed)


def _came_out(replayed: Replayed) -> None:
    difference = replayed.difference
    if difference is None:
        over = f" {replayed.passed} failures that ended a run were got over, as then." if replayed.passed else ""
        said = f"{replayed.decided} decided events came out as they are recorded, in {replayed.supersteps} steps."
        notice(f"The same: {said}{over}", "good")
        return
    what = f": {', '.join(difference.parts)}" if difference.parts else ""
    notice(f"It parts from the record at #{difference.seq}{what}.", "warning")
    sides = (("recorded", difference.recorded), ("now", difference.replayed))
    put(table(("", "what was decided"), [(label, difference.side(side)) for label, side in sides]))
