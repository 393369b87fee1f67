from __future__ import annotations

import random
import statistics

import pytest

from escalation.revocation import ALARM_AT, Watch, describe, observe, replay


def audits_to_alarm(alpha: float, risk: float, most: int, seed: int) -> int | None:
    chance, watch = random.Random(seed), Watch(alpha)
    for number in range(1, most + 1):
        watch = observe(watch, "wrong" if chance.random() < risk else "right")
        if watch.alarmed:
            return number
    return None


@pytest.mark.parametrize("alpha", [0.05, 0.10])
def test_four_times_the_allowed_risk_is_noticed_within_30_audits(alpha: float) -> None:
    delays = [audits_to_alarm(alpha, 4 * alpha, 1_000, seed) or 1_000 for seed in range(500)]
    assert statistics.median(delays) <= 30


@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.10])
def test_a_good_record_is_hardly_ever_taken_for_a_bad_one(alpha: float) -> None:
    false = sum(audits_to_alarm(alpha, 0.4 * alpha, 1_000, seed) is not None for seed in range(300))
    assert false <= 300 * 0.02 + 7


def test_at_the_allowed_risk_itself_a_false_alarm_takes_100_audits_on_average() -> None:
    delays = [audits_to_alarm(0.05, 0.05, 5_000, seed) or 5_000 for seed in range(200)]
    assert statistics.mean(delays) >= ALARM_AT


def test_an_alarm_stays_whatever_comes_after() -> None:
    alarmed = replay(0.05, ["wrong"] * 4)
    assert alarmed.alarmed
    assert replay(0.05, ["wrong"] * 4 + ["right"] * 1_000).alarmed
    assert "withdrawn" in describe(alarmed)


def test_a_long_clean_record_earns_no_credit_against_a_change() -> None:
    assert replay(0.05, ["right"] * 10_000 + ["wrong"] * 4).alarmed


@pytest.mark.parametrize("verdict", ["unclear", "no such verdict", ""])
def test_whatever_is_not_right_is_a_loss(verdict: str) -> None:
    assert observe(Watch(0.05), verdict) == observe(Watch(0.05), "wrong")


def test_the_watch_is_the_same_from_its_log() -> None:
    verdicts = ["right", "right", "wrong", "right", "unclear", "right"] * 5
    step_by_step = Watch(0.05)
    for verdict in verdicts:
        step_by_step = observe(step_by_step, verdict)
    assert step_by_step == replay(0.05, verdicts)
