from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actions import Score
from core.controls import Controls, InForce
from escalation.authority import Configured, Have, holding
from escalation.control_quality import BANDS, Quality
from escalation.levels import describe, in_short
from escalation.stages import routed
from escalation.standing import Labelled, Standing, beginning, counts, judged, recomputed, stored

RIGHT = Labelled(0.48, "right", 1.0, 1.0, False, 0)
outcomes = st.builds(
    Labelled,
    score=st.none() | st.floats(-0.5, 1.5) | st.just(float("nan")),
    verdict=st.sampled_from(["right", "wrong", "unclear", "perhaps"]),
    propensity=st.sampled_from([1.0, 0.5, 0.1, 0.0, -1.0, 1.7, float("nan")]),
    floor=st.sampled_from([1.0, 0.5, 0.1, 1.7, float("nan")]),
    alone=st.booleans(),
    era=st.integers(0, 2),
)


def certified() -> Standing:
    return recomputed("normal", [RIGHT] * 99)


@given(st.lists(outcomes, max_size=40))
def test_a_standing_survives_json_and_its_log_gives_it_again_to_the_bit(log: list[Labelled]) -> None:
    standing = recomputed("high", log)
    assert stored(json.loads(json.dumps(standing.to_json()))) == standing == recomputed("high", log)
    assert standing.counted == len(log)


@given(st.lists(outcomes, max_size=40), outcomes)
def test_a_loss_never_brings_a_higher_threshold(log: list[Labelled], last: Labelled) -> None:
    standing = recomputed("low", log)
    after = judged(standing, last._replace(verdict="wrong")).standing
    assert (after.threshold or 0) <= (standing.threshold or 0) or standing.certificate.first is None


def test_an_alarm_begins_a_new_era_in_which_old_right_ones_do_not_count() -> None:
    standing, alarms = certified(), []
    assert standing.threshold == 0.5
    for _ in range(2):
        standing, alarm = judged(standing, Labelled(0.48, "wrong", 0.5, 0.5, True, 0))
        alarms.append(alarm)
    assert [alarm is not None for alarm in alarms] == [False, True]
    assert (standing.threshold, standing.era, standing.counted) == (None, 1, 101)
    assert judged(standing, RIGHT).standing.certificate == standing.certificate
    late_loss = judged(standing, RIGHT._replace(verdict="wrong")).standing
    assert late_loss.certificate != standing.certificate and late_loss.watch == standing.watch


def test_only_audits_are_watched() -> None:
    standing = certified()
    for _ in range(20):
        standing = judged(standing, RIGHT._replace(verdict="wrong")).standing
    assert standing.era == 0 and standing.watch.audits == 0


def test_what_a_gate_or_a_fixed_checkpoint_always_asks_about_is_no_evidence() -> None:
    assert counts("reversible", (), False)
    assert counts("reversible", ("suggest-needs-person", "uncertified-needs-person"), False)
    assert not counts("reversible", ("untrusted-control-needs-person",), False)
    assert not counts("reversible", (), True)
    assert not counts("irreversible", (), False)


@pytest.mark.parametrize(
    ("have", "level", "threshold"),
    [
        (Have(), "suggest", None),
        (Have(threshold=0.3), "prefill", 0.3),
        (Have(threshold=0.3, granted="execute"), "execute", 0.3),
        (Have(granted="execute"), "execute", None),
        (Have(threshold=0.3, granted="splendid"), "prefill", 0.3),
        (Have(threshold=0.3, granted="execute", lowered="suggest"), "suggest", 0.3),
        (Have(lowered="splendid"), "observe", None),
        (Have(lowered="execute"), "suggest", None),
        (Have(threshold=float("nan")), "suggest", None),
        (Have(threshold=0.3, granted="execute", quality=Quality("minimal", 0.3, "memory")), "suggest", 0.3),
        (Have(threshold=0.3, quality=Quality("safe", 0.1, "failures")), "observe", 0.3),
    ],
)
def test_in_production_a_level_is_earned_or_granted_and_bounded(
    have: Have, level: str, threshold: float | None
) -> None:
    held = holding(Configured("production"), have)
    assert (held.level, held.threshold, held.certified) == (level, threshold, threshold is not None)
    assert held.reasons


@pytest.mark.parametrize("band", BANDS)
def test_local_executes_whatever_the_quality_but_asks_when_it_is_poor(band: str) -> None:
    held = holding(Configured("local"), Have(threshold=0.3, quality=Quality(band, 0.5, "agreement")))  # type: ignore[arg-type]
    assert held.level == "execute"
    assert (held.threshold is not None) == (band in ("normal", "elevated"))
    assert held.audits == (0.5 if band == "normal" else 1.0)


def test_a_setting_of_the_installation_bounds_too() -> None:
    assert holding(Configured("local", allowed="prefill"), Have()).level == "prefill"
    assert holding(Configured("local", allowed="everything"), Have()).level == "observe"


def test_a_stage_without_its_grant_is_matrix_and_says_so() -> None:
    held = holding(Configured("production", stage="full"), Have(waived="checkpoints"))
    assert held.stage == "matrix" and not held.certified and not held.alone
    assert "which no admin has granted" in held.reasons[-1]


def scored(band: str, total: float = 0.9) -> Score:
    parts = {"low_confidence": total, "novelty": total, "historical_need": total}
    return Score(**parts, total=total, threshold=None, band=band, reasons=("it is hard", "so"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stage", "asks", "band", "becomes"),
    [
        ("matrix", False, "review", "review"),
        ("matrix", False, "block", "block"),
        ("matrix", True, "proceed", "review"),
        ("matrix", True, "block", "block"),
        ("human_tool", False, "block", "proceed"),
        ("checkpoints", False, "review", "proceed"),
        ("checkpoints", True, "review", "review"),
        ("human_tool", True, "block", "review"),
        ("full", False, "block", "proceed"),
    ],
)
def test_each_stage_asks_for_more_than_the_one_before(stage: str, asks: bool, band: str, becomes: str) -> None:
    held = InForce("execute", stage=stage, asks=asks)  # type: ignore[arg-type]
    after = routed(scored(band), held)
    assert after.band == becomes
    assert after.reasons[0] == "it is hard" and len(after.reasons) == 2


def test_full_has_no_fixed_checkpoints() -> None:
    held = holding(Configured("local", stage="full", asks=True), Have(waived="full"))
    assert held.alone and not held.asks


def test_controls_are_the_same_after_json_but_for_the_words() -> None:
    controls = Controls({"write": InForce("prefill", (), True, 0.3, "full", True, 0.5, 2)}, "fire")
    assert Controls.from_json(json.loads(json.dumps(controls.to_json()))) == controls


def test_evidence_in_short_says_how_much_more_is_needed() -> None:
    assert (
        "20 more decisions show where to begin, then 79 right in a row" in in_short(beginning("normal").certificate)[1]
    )
    after_opening = recomputed("normal", [RIGHT] * 20).certificate
    assert "79 more right in a row that score at most 0.50, for ≤ 5%" in in_short(after_opening)[1]
    evidence, missing = in_short(certified().certificate)
    assert evidence == "alone up to 0.50: wrong in ≤ 5.0% of that (95 %)" and missing == "no higher threshold is left"
    chance = random.Random(1)
    spoiled = recomputed("high", [RIGHT._replace(verdict=chance.choice(["right", "wrong"])) for _ in range(900)])
    assert in_short(spoiled.certificate)[1] and describe(spoiled.certificate)
