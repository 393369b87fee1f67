"""Editing what was proposed: a field for each argument, or all of them as text; an article beside how it will look."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from itertools import groupby
from typing import Any, Final

import streamlit as st

from core.errors import AutonomyError, NotFound
from runtime.arguments import as_yaml, edited
from runtime.presenting import form_of
from ui import drafts, texts
from ui.diffs import diff
from ui.markup import element, notice, put
from ui.rendering import article
from ui.typed_form import Field, fields, rebuilt, shown

Review = Mapping[str, Any]
_FIELDS: Final = "As fields"
_TEXT: Final = "As text (YAML)"


def form(review: Review) -> None:
    """The editor, and below it what differs from the proposal."""
    number, asked = review["number"], _asked(review)
    known = _known(review)
    if known:
        key = drafts.widget(number, "mode", _FIELDS)
        st.segmented_control(
            "How to edit", [_FIELDS, _TEXT], key=key, required=True, label_visibility="collapsed",
            on_change=_switched, args=(review,),
        )  # fmt: skip
    if known and _mode(number, known) == _FIELDS:
        for numbers, group in groupby(known, lambda field: field.kind in ("number", "whole")):
            with st.container(horizontal=True) if numbers else nullcontext():
                for field in group:
                    _widget(number, field)
    else:
        key = drafts.widget(number, "yaml", as_yaml(asked))
        st.text_area("Arguments (YAML)", height=320, key=key, on_change=drafts.keep, args=(number, "yaml"))
    articles = texts.named(review)
    for name, text in articles.items():
        _widget(number, _text_field(name, text))
    if articles:
        put(element("p", "The article as it stands here is what is saved, and published later.", css="quiet"))
    _differs(review, articles)


def rewritten(review: Review) -> dict[str, str]:
    """The article as it was edited, by the argument that names it; empty when it was not."""
    number = review["number"]
    return {name: str(drafts.typed(number, _name(_text_field(name, text)), text)) for name, text in
            texts.named(review).items() if _changed(number, name, text)}  # fmt: skip


def entered(review: Review) -> dict[str, Any]:
    """The arguments as they were edited. Raises BadInput with what is wrong in them."""
    number, asked, known = review["number"], _asked(review), _known(review)
    if _mode(number, known) == _TEXT:
        return edited(str(drafts.typed(number, "yaml") or ""), asked)
    typed = {field.key: drafts.typed(number, _name(field), shown(field)) for field in known}
    return rebuilt(asked, typed, known)


def _asked(review: Review) -> Mapping[str, Any]:
    found: Mapping[str, Any] = review["request"]["action_requests"][0]["args"]
    return found


def _known(review: Review) -> tuple[Field, ...]:
    """The fields of this release's form; none where it has no such action, or the arguments do not fit its form."""
    action = review["request"]["action_requests"][0]["name"]
    try:
        return fields(form_of(review["domain"], action), _asked(review))
    except NotFound:
        return ()


def _mode(number: int, known: tuple[Field, ...]) -> str:
    return str(drafts.typed(number, "mode", _FIELDS) or _FIELDS) if known else _TEXT


def _name(field: Field) -> str:
    return f"field.{field.key}"


def _switched(review: Review) -> None:
    """What was typed in one form goes over into the other, if it can be read."""
    number = review["number"]
    if drafts.late(number, "mode"):
        return
    chosen = st.session_state[f"typed-{number}-mode"]
    drafts.put(number, "mode", _TEXT if chosen == _FIELDS else _FIELDS)
    try:
        now = entered(review)
    except AutonomyError as error:
        st.session_state[f"edit-refused-{number}"] = str(error)
        return
    if chosen == _TEXT:
        drafts.put(number, "yaml", as_yaml(now))
    else:
        for field in fields(form_of(review["domain"], review["request"]["action_requests"][0]["name"]), now):
            drafts.put(number, _name(field), shown(field))
    drafts.put(number, "mode", chosen)


def _widget(number: int, field: Field) -> None:
    name = _name(field)
    key = drafts.widget(number, name, shown(field))
    kept: dict[str, Any] = {"key": key, "on_change": drafts.keep, "args": (number, name), "help": field.help or None}
    match field.kind:
        case "line":
            st.text_input(field.label, **kept)
        case "text":
            st.text_area(field.label, height="content", **kept)
        case "lines":
            st.text_area(f"{field.label} (one a line)", height="content", **kept)
        case "markdown":
            _article(number, field, kept)
        case "choice":
            st.selectbox(field.label, field.options, **kept)
        case "yes":
            st.checkbox(field.label, **kept)
        case "whole":
            st.number_input(field.label, _whole(field.least), _whole(field.most), step=1, width=210, **kept)
        case "number":
            st.number_input(
                field.label, _real(field.least), _real(field.most), step=0.05, format="%g", width=210, **kept
            )


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _real(bound: float | None) -> float | None:
    return None if bound is None else float(bound)


def _article(number: int, field: Field, kept: dict[str, Any]) -> None:
    left, right = st.columns(2)
    with right:
        st.text_area(field.label, height=420, **kept)
    with left, st.container(height=460, key=f"preview-{number}-{field.key}"):
        put(article(str(drafts.typed(number, _name(field), field.value))))


def _text_field(name: str, text: str) -> Field:
    return Field((name.removesuffix("_sha256"),), "markdown", text)


def _changed(number: int, name: str, text: str) -> bool:
    return bool(drafts.typed(number, _name(_text_field(name, text)), text) != text)


def _differs(review: Review, articles: Mapping[str, str]) -> None:
    try:
        now = entered(review)
    except AutonomyError as error:
        notice(str(error), "warning")
        return
    edited = rewritten(review) if articles else {}
    if now == _asked(review) and not edited:
        put(element("p", "Nothing is changed yet.", css="quiet"))
    if now != _asked(review):
        _counted(as_yaml(_asked(review)), as_yaml(now), "changed")
    for name, text in edited.items():
        _counted(articles[name], text, "of the article changed")


def _counted(before: str, after: str, what: str) -> None:
    found = diff(before, after)
    if found is not None:
        lines = f"{found.lines} {'line' if found.lines == 1 else 'lines'} {what}"
        put(element("p", lines, css="quiet"), found.html)
