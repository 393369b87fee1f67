from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from core.errors import BadInput
from runtime.result_file import Skipped, read_results
from runtime.results import EXPORTED, write_outcomes


def read(tmp_path: Path, text: str) -> list[object]:
    file = tmp_path / "results.csv"
    file.write_bytes(text.encode())
    return list(read_results(file))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",right,,,", "neither a thread nor a site and slug"),
        ("t1,maybe,,,", "verdict 'maybe' is not one of right, wrong, unclear"),
        ("t1,wrong,rude,,", "reason 'rude' is not one of wrong_intent"),
        ("t1,right,fact,,", "a reason goes with the verdict wrong or unclear"),
        ("t1,,,rank,nan", "value 'nan' is not a number"),
        ("t1,,,rank,first", "value 'first' is not a number"),
        ("t1,,,rank,", "a metric needs a value"),
        ("t1,,,,", "it says nothing"),
        ("t1,wrong" + "g" * 300 + ",,,", "verdict is longer than 300 characters"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    found = read(tmp_path, f"thread,verdict,reason,metric,value\nt0,right,,,\n{line}\n")
    good, bad = found
    assert isinstance(good, tuple) and isinstance(bad, Skipped)
    assert bad.line == 3 and reason in bad.reason


def test_a_line_says_the_same_whatever_file_it_is_in(tmp_path: Path) -> None:
    [(_, one)] = read(
        tmp_path, "\ufeffsite,slug,metric,value,measured_at\r\na.example,crm,rank,3,2026-11-21T10:00+00:00\r\n"
    )  # type: ignore[misc]
    [(_, other)] = read(
        tmp_path, "Slug,Site,value,metric,measured_at,else\ncrm,a.example,3.0,rank,2026-11-21T11:00+01:00,x\n"
    )  # type: ignore[misc]
    assert one.key == other.key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("keyword\ncrm\n", "needs a column thread, or site and slug"),
        ("", "needs a column thread"),
        ("thread,verdict,verdict\nt1,right,right\n", "has the column verdict twice"),
        ('thread,verdict\nt1,"ri\n', "it is not CSV"),
    ],
)
def test_a_file_that_is_no_list_of_results_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read(tmp_path, text)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        list(read_results(tmp_path / "none.csv"))
    (tmp_path / "binary.csv").write_bytes(b"thread\n\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        list(read_results(tmp_path / "binary.csv"))


def test_no_exported_cell_is_a_formula() -> None:
    row = dict.fromkeys(EXPORTED, None) | {"subject": "=HYPERLINK(1)", "note": "@x", "score": -0.5, "why": ["+1"]}
    file = io.StringIO()
    write_outcomes([row], file)
    [cells] = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert (cells["subject"], cells["note"], cells["score"], cells["why"]) == (
        "'=HYPERLINK(1)",
        "'@x",
        "-0.5",
        '["+1"]',
    )
