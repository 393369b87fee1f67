"""levels learn: what a task type's outcomes teach about scoring it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cli.console import out, print_json, program, safe
from escalation.weights import NAMES
from runtime import learning
from runtime.people import at_keyboard
from runtime.settings import read_settings
from runtime.wiring import open_application

Act = Literal["look", "activate", "back"]


async def learn(task_type: str, tenant: str, act: Act, reason: str, person: str | None, json: bool) -> int:
    by = at_keyboard(person)
    async with open_application(read_settings()) as app:
        if act == "back":
            place = await learning.put_back(app, by, tenant, task_type, reason)
            return _done(f"{task_type}: new threads are scored as usual again", place.behaviour_version, json)
        found = await learning.look(app, tenant, task_type)
        if act == "activate":
            place = await learning.activate(app, by, found, reason)
            return _done(f"{task_type}: new threads are scored by what was learned", place.behaviour_version, json)
    if json:
        print_json(_summary(found))
        return 0
    for line in _lines(found):
        out().print(safe(line))
    if not found.lesson.missing:
        out().print(f"\n  {program()} levels learn {task_type} --tenant {tenant} --activate --reason TEXT")
    return 0


def _done(said: str, version: str, json: bool) -> int:
    if json:
        print_json({"behaviour_version": version})
    else:
        out().print(safe(f"{said} (version {version}). Threads under way go on as they were started."))
    return 0


def _lines(found: learning.Look) -> Iterator[str]:
    place, lesson = found.place, found.lesson
    yield f"{place.task_type} · {place.tenant}, {place.environment} · version {place.behaviour_version}"
    yield f"  {lesson.labels} labelled outcomes, {lesson.wrong} of them wrong or unclear."
    if lesson.missing:
        yield f"  Nothing is learned yet; it takes {lesson.missing}."
        return
    if lesson.brier and lesson.scoring.calibration:
        yield (
            f"  Self-report: off by {lesson.brier.usual:.3f} as it is, {lesson.brier.learned:.3f} recalibrated (Brier "
            "score on outcomes that were held out; less is better)."
        )
        for step in lesson.scoring.calibration.steps:
            yield f"    stated {step.start:.2f} or more counts as {step.rate:.2f} ({step.labels} outcomes)"
    else:
        yield "  Self-report: stays as it is; recalibrated, it was no better on outcomes that were held out."
    if lesson.auroc and lesson.scoring.weights:
        shares = ", ".join(
            f"{name.replace('_', ' ')} {value:.2f}" for name, value in lesson.scoring.weights.as_mapping().items()
        )
        yield (
            f"  Weights: {shares}. A wrong one scores above a right one in {lesson.auroc.usual:.1%} of pairs with "
            f"equal weights, in {lesson.auroc.learned:.1%} with these (held out; more is better)."
        )
    else:
        yield "  Weights: stay equal; others were no better on outcomes that were held out."
    yield f"  Now: {found.now}."
    yield (
        f"  With it, new threads are of version {found.version}, whose evidence begins anew ({found.then}). What was "
        "granted ends."
    )


def _summary(found: learning.Look) -> dict[str, object]:
    lesson = found.lesson
    weights = lesson.scoring.weights
    return {
        **found.place._asdict(),
        "labels": lesson.labels,
        "wrong": lesson.wrong,
        "missing": lesson.missing,
        "brier": lesson.brier and lesson.brier._asdict(),
        "auroc": lesson.auroc and lesson.auroc._asdict(),
        "steps": [step._asdict() for step in lesson.scoring.calibration.steps] if lesson.scoring.calibration else None,
        "weights": dict(zip(NAMES, weights.values, strict=True)) if weights else None,
        "would_be": found.version,
        "now": found.now,
        "then": found.then,
    }
