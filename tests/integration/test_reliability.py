"""The short form of the reliability eval: real processes are killed, stopped and doubled, and effects are counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evals.reliability import report
from evals.reliability.report import Finding
from evals.reliability.suite import APART, TOGETHER, play_short
from evals.reliability.theatre import open_theatre
from tests.integration.commands import Commands


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    with open_theatre(tmp_path_factory.mktemp("reliability")) as theatre:
        return asyncio.run(play_short(theatre))


@pytest.mark.parametrize("scenario", [*TOGETHER, *APART])
def test_what_is_promised_holds_while_things_break(found: dict[str, list[Finding]], scenario: str) -> None:
    missed = [f"{each.required}: {each.seen}" for each in found[scenario] if not each.ok]
    assert found[scenario]
    assert missed == []


def test_a_scenario_that_does_not_exist_is_bad_input(home: Path) -> None:
    done = Commands(home)("eval", "reliability", "--only", "earthquake")
    assert done.returncode == 2
    assert "earthquake" in done.stderr and "boundaries" in done.stderr


def test_a_report_says_what_was_required_and_what_was_seen(tmp_path: Path) -> None:
    kept, missed = Finding("a", "this", "this", True), Finding("b", "that", "something else", False)
    text = report.table([kept, missed], "here, today")
    assert "| b        | that     | something else | NO  |" in text
    assert "1 of 2 requirements were not met" in text
    assert "every requirement was met" in report.table([kept], "here")
    assert report.as_json([kept, missed], "here")["ok"] is False


def test_a_report_replaces_its_predecessor_in_a_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("# Results\n\n## Supersteps\n\nfast\n\n## Reliability\n\nold\n\n## Scale\n\nlarge\n")
    report.write(file, "new")
    assert file.read_text() == "# Results\n\n## Supersteps\n\nfast\n\n## Reliability\n\nnew\n\n## Scale\n\nlarge\n"
    report.write(file, "newer")
    assert file.read_text().count("newer") == file.read_text().count("## Reliability") == 1
    report.write(tmp_path / "none.md", "first")
    assert (tmp_path / "none.md").read_text() == "## Reliability\n\nfirst\n"


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(value) for value in range(1, 21)]
    assert (report.percentile(values, 0.5), report.percentile(values, 0.95)) == (10.0, 19.0)
    assert report.percentile([3.0], 0.95) == 3.0
