"""Figures say whether their targets are kept, and a report survives the way between two processes."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from bench.__main__ import page
from bench.figures import Figure, Report, at_least, at_most, markdown, percentile, shown, table

REPORT = Report(
    "Speed",
    ("Two rounds.",),
    (
        Figure("commits", 1.04, "", at_most(1.1), "stock 2.08"),
        Figure("ours to stock", 0.9, "×", at_least(1.3)),
        Figure("rate", 12_345.6, "bytes"),
    ),
)


def test_a_target_on_its_bound_is_kept() -> None:
    assert Figure("x", 1.1, "", at_most(1.1)).verdict == "ok" == Figure("x", 1.1, "", at_least(1.1)).verdict


def test_a_report_says_what_was_missed_and_what_is_only_reported() -> None:
    assert [figure.verdict for figure in REPORT.figures] == ["ok", "missed", "–"]
    assert "| ours to stock | 0.900 × | at least 1.30 × | missed |  |" in markdown(REPORT)
    assert "12,346 bytes" in table(REPORT)


def test_a_report_is_the_same_after_its_way_through_json() -> None:
    assert Report.from_json(json.loads(json.dumps(asdict(REPORT)))) == REPORT


def test_the_page_names_what_failed() -> None:
    said = page({"speed": REPORT, "disk": None}, seconds=90)
    assert "## Speed" in said and "## disk\n\nFailed" in said and "1.5 minutes" in said
    assert "dbos" in said and "1 of 2 targets are kept." in said


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2), (0.95, 4), (1.0, 4), (0.0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile([4, 1, 3, 2], share) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.123456, "0.123"), (9.876, "9.88"), (123.4, "123"), (999.6, "1000"), (12345, "12,345")],
)
def test_numbers_have_three_significant_digits(value: float, said: str) -> None:
    assert shown(value, "") == said
