from __future__ import annotations

import pytest

from evals import escalation
from evals.judgements import auroc, judgements, populations


def test_the_short_form_meets_its_bars(capsys: pytest.CaptureFixture[str]) -> None:
    assert escalation.main(["--short"]) == 0
    said = capsys.readouterr().out
    assert (
        "AUROC" in said
        and "self-report recalibrated on 200 labels" in said
        and "any rule that is as quick whenever the risk rises has 21% false alarms" in said
        and "the hand rule ever-violated" in said
        and said.endswith("0 bars missed, and 1 that no rule can meet\n")
    )


def test_a_missed_bar_ends_with_exit_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [escalation.Line("no bar"), escalation.Line("met", True), escalation.Line("missed", False)]
    monkeypatch.setattr(escalation, "report", lambda size: iter(lines))
    assert escalation.main([]) == 1
    assert "NO missed" in capsys.readouterr().out


def test_a_rule_that_promises_nothing_misses_the_bar() -> None:
    broken = [broke for _, broke in escalation.streams(escalation.hand_broke, 0.05, escalation.SHORT)]
    assert escalation._at_most("hand rule", broken, 0.05, escalation.SHORT).met is False


def test_what_no_rule_can_meet_is_computed_and_only_at_the_smallest_limit() -> None:
    assert escalation.least_false_alarms(0.08, 0.008) > 0.2
    assert escalation.least_false_alarms(0.20, 0.020) < 0.001
    assert escalation.least_false_alarms(0.40, 0.040) < 0.001


def test_every_judgement_is_read_and_every_population_knows_its_risks() -> None:
    assert len(judgements()) == 96_256
    every = populations()
    assert len(every) == 112 and sum(len(one.scores) for one in every) == 96_256
    for one in every:
        assert one.risks[3] == pytest.approx(one.risk_at(0.20)) and list(one.shares) == sorted(one.shares)


def test_auroc_counts_ties_half() -> None:
    assert auroc([(0.1, False), (0.2, True)]) == 1.0
    assert auroc([(0.1, True), (0.1, False)]) == 0.5
    assert auroc([(0.9, False), (0.1, True), (0.5, True), (0.5, False)]) == pytest.approx(0.125)
