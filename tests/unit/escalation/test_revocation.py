from __future__ import annotations

import random
import statistics

import pytest

from escalation.revocation import ALARM_AT, HEAD_START, NO_HEAD_START, Watch, begun, describe, observe, replay


def audits_to_alarm(alpha: float, risk: float, most: int, seed: int) -> int | None:
    chance, watch = random.Random(seed), begun(alpha)
    for number in range(1, most + 1):
        watch = observe(watch, "wrong" if chance.random() < risk else "right")
        if watch.alarmed:
            return number
    return None


@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.10])
def test_four_times_the_allowed_risk_is_noticed_within_30_audits(alpha: float) -> None:
    noticed = sum(audits_to_alarm(alpha, 4 * alpha, 30, seed) is not None for seed in range(4_000))
    assert noticed >= 2_000


@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.10])
def test_a_good_record_is_hardly_ever_taken_for_a_bad_one(alpha: float) -> None:
    false = sum(audits_to_alarm(alpha, 0.4 * alpha, 1_000, seed) is not None for seed in range(300))
    assert false <= 300 * 0.02 + 7


def test_at_the_allowed_risk_itself_a_false_alarm_takes_100_audits_on_average() -> None:
    delays = [audits_to_alarm(0.05, 0.05, 5_000, seed) or 5_000 for seed in range(200)]
    assert statistics.mean(delays) >= ALARM_AT - HEAD_START


def test_an_alarm_stays_whatever_comes_after() -> None:
    alarmed = replay(0.05, ["wrong"] * 4)
    assert alarmed.alarmed
    assert replay(0.05, ["wrong"] * 4 + ["right"] * 1_000).alarmed
    assert "withdrawn" in describe(alarmed)


def test_what_was_only_just_certified_is_doubted_first_and_a_clean_record_ends_that() -> None:
    assert replay(0.05, ["wrong"] * 2).alarmed
    assert not replay(0.05, ["right"] * 40 + ["wrong"] * 3).alarmed


def test_a_watch_of_an_earlier_release_goes_on_without_a_head_start() -> None:
    old = Watch(*[0.05, 1.0, 0, 0, False])
    for _ in range(3):
        old = observe(old, "wrong")
    assert (old.alarmed, old.began_at) == (False, NO_HEAD_START)


def test_a_long_clean_record_earns_no_credit_against_a_change() -> None:
    assert replay(0.05, ["right"] * 10_000 + ["wrong"] * 4).alarmed


@pytest.mark.parametrize("verdict", ["unclear", "no such verdict", ""])
def test_whatever_is_not_right_is_a_loss(verdict: str) -> None:
    assert observe(Watch(0.05), verdict) == observe(Watch(0.05), "wrong")


def test_the_watch_is_the_same_from_its_log() -> None:
    verdicts = ["right", "right", "wrong", "right", "unclear", "right"] * 5
    step_by_step = begun(0.05)
    for verdict in verdicts:
        step_by_step = observe(step_by_step, verdict)
    assert step_by_step == replay(0.05, verdicts)
