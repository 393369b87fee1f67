from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.audit import MissRate, probability
from escalation.betting import Evidence, clean_needed, risk_bound, settle, stakes_on
from escalation.certificate import (
    CANDIDATES,
    OPENING,
    Certificate,
    Outcome,
    fresh,
    from_json,
    recompute,
    update,
)
from escalation.levels import describe

CLEAN = Outcome(0.01, "right")


def feed(certificate: Certificate, outcome: Outcome, times: int) -> Certificate:
    for _ in range(times):
        certificate = update(certificate, outcome)
    return certificate


@pytest.mark.parametrize(("risk", "needed"), [("low", 39), ("normal", 79), ("high", 201), ("no such class", 201)])
def test_so_many_clean_outcomes_earn_the_first_threshold_and_one_fewer_does_not(risk: str, needed: int) -> None:
    almost = feed(fresh(risk), CLEAN, needed - 1)
    assert almost.threshold is None
    assert clean_needed(almost.evidence[0], almost.alpha) == 1
    assert clean_needed(Evidence(), almost.alpha) == needed
    assert update(almost, CLEAN).threshold == CANDIDATES[0]


@pytest.mark.parametrize("verdict", ["wrong", "unclear", "no such verdict", ""])
def test_whatever_is_not_right_is_a_loss_and_costs_time(verdict: str) -> None:
    lost = feed(update(fresh("low"), Outcome(0.01, verdict)), CLEAN, 39)
    assert lost.threshold is None
    assert feed(lost, CLEAN, 100).threshold is not None


def test_higher_candidates_wait_for_the_lower_ones() -> None:
    above = feed(feed(fresh("low"), CLEAN, OPENING), Outcome(0.08, "right"), 100)
    assert above.evidence[1].fired and not above.evidence[0].fired
    assert above.threshold is None
    assert feed(above, CLEAN, 39).threshold == 0.50


def test_candidates_that_no_score_falls_under_do_not_block_the_rest() -> None:
    middling = Outcome(0.22, "right")
    opened = feed(fresh("low"), middling, OPENING)
    assert opened.first == 4
    assert feed(opened, middling, 38).threshold is None, "the opening itself is no evidence"
    assert feed(opened, middling, 39).threshold == 0.50


def test_the_start_is_chosen_without_a_look_at_the_verdicts() -> None:
    scores = [0.02, 0.3, 0.12, 0.4] * 5
    right = recompute("normal", [Outcome(score, "right") for score in scores])
    wrong = recompute("normal", [Outcome(score, "wrong") for score in scores])
    assert right.first == wrong.first == 0
    assert right.evidence[1:] == wrong.evidence[1:] == (Evidence(),) * 9


@pytest.mark.parametrize(
    "bad",
    [
        CLEAN._replace(score=math.nan),
        CLEAN._replace(score=1.7),
        CLEAN._replace(score=None),  # type: ignore[arg-type]
        CLEAN._replace(propensity=0.0),
        CLEAN._replace(propensity=math.nan),
        CLEAN._replace(propensity=0.1, floor=0.5),
        CLEAN._replace(floor=0.0),
    ],
)
def test_an_unreadable_outcome_never_helps_and_hurts_when_it_is_a_loss(bad: Outcome) -> None:
    before = feed(fresh("low"), CLEAN, 30)
    assert update(before, bad) == before
    after = update(before, bad._replace(verdict="wrong"))
    assert all(now.wealth < was.wealth for now, was in zip(after.evidence, before.evidence, strict=True))


outcomes = st.lists(
    st.builds(
        Outcome,
        st.sampled_from([0.01, 0.04, 0.05, 0.07, 0.2, 0.33, 0.5, 0.51, 0.9, math.nan, 1.7]),
        st.sampled_from(["right", "right", "right", "right", "wrong", "unclear"]),
        st.sampled_from([1.0, 0.5, 0.1, 0.0]),
        st.sampled_from([1.0, 0.5, 0.1]),
    ),
    max_size=150,
)


def certified(log: list[Outcome]) -> float:
    return recompute("low", log).threshold or 0.0


@settings(deadline=None)
@given(outcomes, st.data())
def test_more_losses_never_raise_authority(log: list[Outcome], data: st.DataObject) -> None:
    log = [CLEAN] * 25 + log
    flips = data.draw(st.sets(st.integers(0, len(log) - 1), max_size=10))
    worse = [one._replace(verdict="wrong") if index in flips else one for index, one in enumerate(log)]
    assert certified(worse) <= certified(log)
    assert certified([*log, Outcome(0.01, "wrong")]) == certified(log)


@settings(deadline=None)
@given(outcomes, st.integers(0, 150))
def test_a_certificate_is_the_same_to_the_bit_through_json_and_from_its_log(log: list[Outcome], cut: int) -> None:
    whole = recompute("normal", log)
    halfway = from_json(json.loads(json.dumps(recompute("normal", log[:cut]).to_json())))
    for outcome in log[cut:]:
        halfway = update(halfway, outcome)
    assert halfway == whole
    assert json.dumps(halfway.to_json()) == json.dumps(whole.to_json())


def test_a_very_long_clean_record_overflows_nothing() -> None:
    evidence, stakes = Evidence(), stakes_on(0.10, 1.0, loss=False)
    for _ in range(20_000):
        evidence = settle(evidence, stakes)
    assert math.isfinite(evidence.wealth) and 0 < risk_bound(evidence) < 0.001


def test_the_bound_tightens_with_clean_outcomes_and_widens_with_losses() -> None:
    assert risk_bound(Evidence()) == 1.0
    assert risk_bound(Evidence(clean=80)) < risk_bound(Evidence(clean=40)) < risk_bound(Evidence(clean=40, lost=1))


def ever_certified(alpha: float, safe_risk: float, rest_risk: float, chance: random.Random, labels: int) -> bool:
    """Scores .03 and .08 in equal numbers; looked at after every label; true if .10 is ever in force."""
    certificate, since_raise = Certificate(alpha), 0
    for _ in range(labels):
        low = chance.random() < 0.5
        threshold = certificate.threshold
        audit = probability(since_raise)
        propensity = audit if low and threshold is not None else 1.0
        since_raise += propensity < 1
        if chance.random() >= propensity:
            continue
        verdict = "wrong" if chance.random() < (safe_risk if low else rest_risk) else "right"
        floor = 1.0 if threshold is None else audit
        certificate = update(certificate, Outcome(0.03 if low else 0.08, verdict, propensity, floor))
        if (certificate.threshold or 0.0) >= 0.10:
            return True
    return False


@pytest.mark.parametrize(("safe_risk", "rest_risk"), [(0.10, 0.10), (0.01, 0.19), (0.05, 0.15)])
def test_looking_all_the_time_breaks_the_promise_in_at_most_one_stream_in_twenty(
    safe_risk: float, rest_risk: float
) -> None:
    broken = sum(ever_certified(0.10, safe_risk, rest_risk, random.Random(seed), 600) for seed in range(120))
    assert broken <= 120 * 0.05 + 3 * math.sqrt(120 * 0.05 * 0.95)


def fires(weighted: bool, chance: random.Random) -> bool:
    """Half the outcomes are clean and always labelled, half go wrong at 2 alpha and are labelled one time in ten."""
    certificate = Certificate(0.10)
    for _ in range(800):
        risky = chance.random() < 0.5
        if risky and chance.random() >= 0.1:
            continue
        verdict = "wrong" if risky and chance.random() < 0.20 else "right"
        propensity = 0.1 if risky else 1.0
        certificate = update(certificate, Outcome(0.01, verdict, propensity, 0.1 if weighted else propensity))
    return certificate.evidence[0].fired


def test_labels_that_favour_the_safe_fool_plain_counting_and_not_the_weights() -> None:
    assert sum(fires(True, random.Random(seed)) for seed in range(60)) <= 60 * 0.05 + 5
    assert sum(fires(False, random.Random(seed)) for seed in range(60)) > 40


def test_what_was_sure_to_be_labelled_weighs_less_than_what_was_picked() -> None:
    sure, picked = Outcome(0.01, "right", 1.0, 0.1), Outcome(0.01, "right", 0.1, 0.1)
    assert update(fresh("low"), sure).evidence[0].clean == 0.1
    assert update(fresh("low"), picked).evidence[0] == update(fresh("low"), CLEAN).evidence[0]


def test_the_description_says_what_holds_what_is_missing_and_why() -> None:
    nothing = " ".join(describe(fresh("normal")))
    assert "Nothing is certified" in nothing and "0 are in; 79 right in a row then" in nothing
    begun = " ".join(describe(feed(fresh("normal"), CLEAN, 20)))
    assert "evidence" in begun and "more clean outcomes would do" in begun
    some = " ".join(describe(feed(fresh("low"), CLEAN, 45)))
    assert "Acts alone up to a score of 0.05" in some and "however often one looks" in some
    bad = " ".join(describe(feed(fresh("low"), Outcome(0.01, "wrong"), 45)))
    assert "100.0% of it was wrong or unclear" in bad


def test_the_stated_bound_is_raised_by_what_reviewers_miss_and_says_so() -> None:
    earned = feed(fresh("low"), CLEAN, 45)
    unmeasured, measured = describe(earned), describe(earned, MissRate(planted=40, missed=4))
    assert "assume that reviewers miss none" in unmeasured[-1]
    assert "missed 4 of 40" in measured[-1] and measured[0] != unmeasured[0]


def test_full_evidence_names_no_next_step() -> None:
    full = replace(fresh("low"), first=0, evidence=(Evidence(fired=True),) * len(CANDIDATES))
    assert "No higher candidate is left." in describe(full)
