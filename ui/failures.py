"""What went wrong, whose it is, and what it speaks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Final

import streamlit as st

from ui.application import with_application
from ui.frame import told
from ui.markup import element, link_to_thread, put
from ui.tables import bars, download, table
from ui.words import moment, spaced

if TYPE_CHECKING:
    from runtime.failures import FailureRecord

_LISTED: Final = 500


def show() -> None:
    from runtime.failures import failures

    put(element("h1", "Failures"))
    with told():
        found = with_application(lambda app: failures(app, limit=_LISTED))
        if not found:
            put(element("p", "No failures.", css="quiet"))
            return
        counted = Counter(spaced(each.failure_class) for each in found)
        newest = f"the newest {_LISTED:,}" if len(found) == _LISTED else f"all {len(found):,}"
        caption = f"By class, of {newest}."
        put(bars(dict(counted.most_common()), {name: f"{count:,}" for name, count in counted.items()}, caption))
        chosen = st.selectbox("Class", list(counted), None, key="failure-class", placeholder="every class", width=260)
        _listed([each for each in found if chosen is None or spaced(each.failure_class) == chosen])


def _listed(found: Sequence[FailureRecord]) -> None:
    from runtime.failures import FailureRecord

    columns = [field.name for field in fields(FailureRecord)]
    download("failures", columns, [asdict(each) for each in found])
    put(table(("when", "thread", "class", "what", "tries before", "goes to", "speaks for"), map(_row, found[:100])))
    if len(found) > 100:
        put(element("p", f"100 of {len(found):,}; the others are in the file.", css="quiet"))


def _row(each: FailureRecord) -> tuple[str, ...]:
    what = f"{each.action}: {each.message}" if each.action else each.message
    implied = "" if each.implies == "nothing" else f"{spaced(each.implies)} ({each.metric})"
    tries = str(each.retries) if each.retries else ""
    thread = link_to_thread(each.thread_id, f"{each.thread_id} #{each.seq}")
    return moment(each.at)[5:16], thread, spaced(each.failure_class), what, tries, spaced(each.recipient), implied
