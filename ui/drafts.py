"""What a person types stays: over reruns in the session, over reloads in the database."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import DatabaseUnavailable
from ui import reading, writing
from ui.visitor import me

# Streamlit sends a text when its field is left. A reload does not leave it, so a pause in typing has to do.
PAUSE = """<script>
if (!window.pausesAreCommitted) {
  window.pausesAreCommitted = true;
  let timer;
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.closest || !field.closest(".stTextArea, .stTextInput, .stNumberInput")) return;
    clearTimeout(timer);
    timer = setTimeout(() => field.dispatchEvent(new KeyboardEvent("keydown",
      { key: "Enter", code: "Enter", ctrlKey: field.tagName === "TEXTAREA", bubbles: true, cancelable: true })), 700);
  }, true);
  // A form that has just been opened, below what is in view, is where that person goes on typing.
  const forms = { edit: "editing", reject: "rejecting", assign: "assigning" };
  const keys = { e: forms.edit, x: forms.reject, m: forms.assign };
  const open = (form) => document.querySelector(`[class*="st-key-${form}-"]`);
  const enter = (form, tries) => {
    // Streamlit loads each kind of field when it first needs one: the first that is there may not be the form's first.
    const drawn = open(form) && !open(form).querySelector('[data-testid="stSkeleton"]');
    const field = drawn && open(form).querySelector("textarea, input:not([type=radio])");
    if (!field) { if (tries) setTimeout(enter, 75, form, tries - 1); return; }
    field.focus();
    field.scrollIntoView({ block: "center" });
  };
  document.addEventListener("click", (event) => {
    const door = event.target.closest && event.target.closest('[class*="st-key-door-"]');
    const form = door && forms[/st-key-door-([a-z]+)-/.exec(door.className)[1]];
    if (form && !open(form)) enter(form, 120);
  }, true);
  document.addEventListener("keydown", (event) => {
    const form = keys[(event.key || "").toLowerCase()];
    if (form && !event.ctrlKey && !event.metaKey && !event.altKey && event.target.closest &&
      !event.target.closest("input, textarea, [contenteditable]") &&
      !open(form)) enter(form, 120);
  }, true);
}
</script>"""


def widget(number: int, name: str, default: Any = None) -> str:
    """The key of a widget whose value is kept, with what was typed before put into it."""
    key = f"typed-{number}-{name}"
    if key not in st.session_state:
        st.session_state[key] = _draft(number).get(name, default)
    return key


def typed(number: int, name: str, default: Any = None) -> Any:
    """What stands in a kept widget, whether or not it is on the page now."""
    return st.session_state.get(f"typed-{number}-{name}", _draft(number).get(name, default))


def keep(number: int, name: str) -> None:
    """Callback of a kept widget."""
    if not late(number, name):
        put(number, name, st.session_state[f"typed-{number}-{name}"])


def late(number: int, name: str) -> bool:
    """Whether a callback of a kept widget comes with or after the click that sent everything."""
    return f"typed-{number}-{name}" not in st.session_state or f"sent-{number}" in st.session_state


def put(number: int, name: str, value: Any) -> None:
    """Set a kept value; while the database is away it stays in the session, and is stored with the next one."""
    _draft(number)[name] = value
    st.session_state[f"typed-{number}-{name}"] = value
    try:
        writing.draft(me().name, number, _draft(number))
    except DatabaseUnavailable:
        st.session_state[f"unsaved-{number}"] = True
    else:
        st.session_state.pop(f"unsaved-{number}", None)


def restored(number: int) -> bool:
    """Whether something typed earlier was found when the page was opened."""
    _draft(number)
    return bool(st.session_state.get(f"restored-{number}"))


def sent(number: int) -> None:
    """What was typed has become a decision."""
    forget(number)
    st.session_state[f"sent-{number}"] = True


def forget(number: int) -> None:
    """It is not wanted any more."""
    for key in [key for key in st.session_state if str(key).startswith(f"typed-{number}-")]:
        del st.session_state[key]
    st.session_state[f"draft-{number}"] = {}
    st.session_state.pop(f"restored-{number}", None)
    try:
        writing.forget(me().name, number)
    except DatabaseUnavailable:
        st.session_state[f"unsaved-{number}"] = True


def _draft(number: int) -> dict[str, Any]:
    name = f"draft-{number}"
    if name not in st.session_state:
        st.session_state[name] = dict(reading.draft(me().name, number))
        st.session_state[f"restored-{number}"] = bool(st.session_state[name])
    found: dict[str, Any] = st.session_state[name]
    return found
