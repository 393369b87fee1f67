"""How far each task type goes alone, on what evidence, what is missing for more; and what an admin changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import streamlit as st

from core.errors import AutonomyError
from core.vocabulary import Authority, Stage, members
from escalation.control_quality import ABOVE
from escalation.scoring import in_short
from runtime.timeline import LEVEL_MOVES
from store.standings import StandingStore
from ui import reading
from ui.application import with_application
from ui.frame import said_once, told
from ui.markup import Html, element, joined, notice, put, section
from ui.tables import over_time, table
from ui.visitor import person, role_in
from ui.words import ROLES, moment, spaced

if TYPE_CHECKING:
    from escalation.quality_history import Point
    from runtime.levels import Level
    from runtime.limits import Standing
    from runtime.wiring import Application

Move = Literal["lower", "lift", "grant"]
MOVES: Final[Mapping[Move, str]] = {
    "lower": "Lower it, in every version, until it is raised",
    "lift": "Raise it, as far as the evidence or a grant carries",
    "grant": "Grant a level that it has not earned",
}
_CHANGES: Final = 20
_DONE: Final = "autonomy-done"
_NORMAL: Final = ABOVE["normal"]


def show() -> None:
    put(element("h1", "Autonomy"))
    with told():
        levels, standing, shifted = with_application(_read)
        for line in shifted:
            notice(f"Shifted: {line}. What is certified was earned before that; look at the audits.", "warning")
        current = [level for level in levels if level.current]
        if not current:
            put(element("p", "Nothing was decided yet by what runs now, so everything asks.", css="quiet"))
        else:
            columns = ("task type", "for", "authority", "alone", "evidence", "to do more")
            put(table(columns, [_row(level) for level in current]))
        _one(levels)
        put(_limits(standing))


async def _read(app: Application) -> tuple[list[Level], list[Standing], list[str]]:
    from runtime.drift import shifts
    from runtime.levels import levels
    from runtime.limits import of_agents

    found = await levels(app)
    tenants = dict.fromkeys(level.place.tenant for level in found)
    shifted = [f"{name}: {shift.words}" for name in tenants for shift in await shifts(app, name)]
    return found, await of_agents(app), shifted


def _row(level: Level) -> tuple[str, ...]:
    back = " (taken back before)" if level.held.era else ""
    for_whom = f"{level.place.tenant}, {level.place.environment}"
    share = f"{level.share:.0%} of {level.decided}"
    return level.place.task_type, for_whom, level.held.level, share, f"{level.evidence}{back}", level.missing


def _one(levels: Sequence[Level]) -> None:
    """One task type in full."""
    if not levels:
        return
    asked = st.query_params.get("task_type")
    first = next((place for place, level in enumerate(levels) if level.place.task_type == asked), 0)
    of = {level.place: level for level in levels}  # the widget would give back what it was given some runs ago
    named = {level.place: _named(level) for level in levels}
    place = st.selectbox(
        "Look closer at", list(of), first, named.__getitem__, key=f"level-{asked}-{len(of)}", width=460
    )
    level = of[place]
    left, right = st.columns(2, gap="large")
    with left:
        held = [element("p", level.held.level, css="lead"), *(element("p", each) for each in level.held.reasons)]
        put(section("Authority in force", *held))
        put(section("Certificate", *(element("p", each) for each in level.sentences)))
        if level.silent is not None:
            put(section("Audits", element("p", f"{level.silent}.")))
    with right:
        changes, moments = with_application(lambda app: _course(app, level))
        put(_quality(level, moments))
        _change(level)
    put(_changes(changes))


async def _course(app: Application, level: Level) -> tuple[Sequence[Mapping[str, Any]], Sequence[Point]]:
    """How its level and its control quality came to where they are."""
    store = StandingStore(app.pool)
    return await store.changes(level.place.tenant, level.place.task_type, _CHANGES), await store.moments(level.place)


def _named(level: Level) -> str:
    used = "" if level.current else f", version {in_short(level.place.behaviour_version)}, not in use"
    return f"{level.place.task_type} · {level.place.tenant}, {level.place.environment}{used}"


def _quality(level: Level, moments: Sequence[Point]) -> Html:
    if not level.signals:
        return section("Control quality", element("p", "Not measured yet: nothing has happened.", css="quiet"))
    now = {name: float(value) for name, value in level.signals.items()}
    course: list[Mapping[str, float]] = [
        *(point.signals for point in moments[:-1]),
        now,
    ]  # what is in force, which a sync may have moved
    rows = [
        over_time("weakest", [min(point.values()) for point in course], f"{min(now.values()):.2f}", _NORMAL, "total")
    ]
    rows += [over_time(name, [point[name] for point in course], f"{now[name]:.2f}", _NORMAL) for name in now]
    since = f", since {moment(moments[0].at)[:16]}" if len(moments) > 1 else ""
    told = (
        f"After each of the last {len(course)} actions and verdicts{since}"
        if len(course) > 1
        else "After the first one"
    )
    caption = element(
        "caption",
        f"{told}, newest right. Each 0 to 1, and 1 is best; "
        f"the weakest decides, and {_NORMAL:.2f} or less is not normal.",
    )
    band = element("p", spaced(str(level.quality["band"])), css="lead")
    return section("Control quality", band, element("table", caption, element("tbody", *rows), css="score bars"))


def _changes(rows: Sequence[Mapping[str, Any]]) -> Html:
    if not rows:
        return Html("")
    cells = [
        (moment(row["at"])[:16], _moved(row["change"]), f"{_was(row, 'old')} → {_was(row, 'new')}", row["actor"],
         row["reason"])
        for row in rows
    ]  # fmt: skip
    return section("Changes, newest first", table(("when", "it", "level", "by", "why"), cells))


def _moved(change: str) -> str:
    return next((words for move, words in LEVEL_MOVES.items() if move == change), change)


def _was(row: Mapping[str, Any], which: str) -> str:
    threshold = row[f"{which}_threshold"]
    return f"{row[f'{which}_level']}{'' if threshold is None else f', alone to {threshold:.2f}'}"


def _change(level: Level) -> None:
    place = level.place
    said_once(_DONE)
    if place.environment != reading.settings().environment:
        put(element("p", f"Changed where the environment is {place.environment}.", css="quiet"))
        return
    if (role := role_in(place.environment, place.tenant)) != "admin":
        put(element("p", f"Only an admin changes it; your role here is {ROLES[role]}.", css="quiet"))
        return
    key = f"{place.tenant}-{place.task_type}"
    with st.container(border=True, key=f"changing-{key}"):
        put(element("h2", f"Change what {place.task_type} may do"))
        move = st.radio("What", list(MOVES), None, MOVES.__getitem__, key=f"move-{key}", label_visibility="collapsed")
        if move is None:
            return
        st.selectbox("To", members(Authority), 0, key=f"to-{key}", width=220)
        if move == "grant":
            st.selectbox(
                "Without a certificate, in stage", members(Stage), None, spaced, key=f"stage-{key}", width=260,
                placeholder="no: it still needs one",
            )  # fmt: skip
        st.text_input("Why? It is kept with the change.", key=f"why-{key}", max_chars=500)
        st.button("Change it", type="primary", key=f"change-{key}", on_click=_do, args=(move, level, key))


def _do(move: Move, level: Level, key: str) -> None:
    from runtime import levels

    place, who = level.place, person()
    to = cast("Authority", st.session_state[f"to-{key}"])
    why, stage = str(st.session_state.get(f"why-{key}") or ""), st.session_state.get(f"stage-{key}")
    by = {"lower": levels.lower, "lift": levels.lift}

    async def work(app: Application) -> Any:
        if move == "grant":
            return await levels.grant(app, who, place.tenant, place.task_type, to, stage, why)
        return await by[move](app, who, place.tenant, place.task_type, to, why)

    try:
        with_application(work)
    except AutonomyError as error:
        st.session_state[_DONE] = (str(error), "error")
    else:
        st.session_state[_DONE] = (f"{place.task_type}: done, and kept among the changes below.", "good")
        st.session_state[f"move-{key}"] = None


def _limits(standing: Sequence[Standing]) -> Html:
    if not standing:
        return section("Limits", element("p", "No agent has run yet, so nothing was used.", css="quiet"))
    by_agent: dict[str, list[Standing]] = {}
    for each in standing:
        by_agent.setdefault(each.of, []).append(each)
    parts = [joined(element("p", agent, css="subject"), _used(rows)) for agent, rows in by_agent.items()]
    return section("Limits and budgets", *parts)


def _used(rows: Sequence[Standing]) -> Html:
    cells = [
        (each.name, f"{each.used:,}", f"{each.reserved:,}", f"{each.left:,}", _most(each), each.says) for each in rows
    ]
    return table(("limit", "used", "reserved", "left", "most", "what"), cells)


def _most(each: Standing) -> str:
    granted = f" + {each.granted:,} allowed by people" if each.granted else ""
    again = "" if each.more_at is None else f", more from {each.more_at.astimezone():%H:%M}"
    return f"{each.most:,}{granted}{again}"
