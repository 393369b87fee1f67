from __future__ import annotations

import os
import threading
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from runtime.keyword_file import LONGEST_LINE, Row, Skipped, open_keywords


def read(path: Path) -> list[Row | Skipped]:
    with open_keywords(path, "en-US") as file:
        return list(file.rows)


def rows(tmp_path: Path, text: str, encoding: str = "utf-8") -> list[Row | Skipped]:
    path = tmp_path / "keywords.csv"
    path.write_bytes(text.encode(encoding))
    return read(path)


def keywords(found: list[Row | Skipped]) -> list[str]:
    return [row.keyword for row in found if isinstance(row, Row)]


def skipped(found: list[Row | Skipped]) -> dict[int, str]:
    return {row.line: row.reason for row in found if isinstance(row, Skipped)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(tmp_path: Path, encoding: str, delimiter: str, ending: str) -> None:
    lines = [["Locale", "KEYWORD"], ["de-DE", "büro kaffee"], ["", "crm ☕"], ["", ""]]
    text = ending.join(delimiter.join(line) for line in lines)
    found = rows(tmp_path, text, encoding)
    assert [(row.keyword, row.locale, row.line) for row in found if isinstance(row, Row)] == [
        ("büro kaffee", "de-DE", 2),
        ("crm ☕", "en-US", 3),
    ]


def test_columns_may_stand_in_any_order_and_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text("sep=,\nVolume,due,Priority,profile, Keyword \n900,2026-12-01T17:00:00+01:00,7,acme.yaml,crm\n")
    with open_keywords(path, "fr") as file:
        assert file.ignored == ("volume",)
        [row] = file.rows
    assert isinstance(row, Row) and row.due is not None
    assert row[:5] == (3, "crm", "fr", "acme.yaml", 7)
    assert row.due == datetime(2026, 12, 1, 16, tzinfo=UTC)


def test_a_day_without_a_time_means_its_end(tmp_path: Path) -> None:
    [row] = rows(tmp_path, "keyword,due\ncrm,2026-12-01\n")
    assert isinstance(row, Row) and row.due is not None and row.due.tzinfo is not None
    assert (row.due.date().isoformat(), row.due.hour) == ("2026-12-01", 23)


def test_quotes_may_hold_delimiters_line_breaks_and_quotes(tmp_path: Path) -> None:
    found = rows(tmp_path, 'keyword,locale\n"a, ""b""\nc",de\n24" tv,\n"plain" ,fr\n')
    assert keywords(found) == ['a, "b" c', '24" tv', "plain"]
    assert [row.line for row in found] == [2, 4, 5]


def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path) -> None:
    many = "".join(f"word {n}\n" for n in range(200))
    found = rows(tmp_path, f'keyword\nfirst\n"open\n{many}"closed"\n')
    assert skipped(found) == {3: "a quoted field does not end as it should"}
    assert keywords(found) == ["first", *(f"word {n}" for n in range(200)), "closed"]
    at_the_end = rows(tmp_path, 'keyword\n"open\nlast\n')
    assert (list(skipped(at_the_end)), keywords(at_the_end)) == ([2], ["last"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (" ,en-US,,", "the keyword is empty"),
        ("\u200d,,,", "the keyword is empty"),
        ("x" * 201 + ",,,", "longer|long|characters"),
        ("crm,en_XX,,", "the locale 'en_XX' is not a language and country"),
        ("crm,,high,", "the priority 'high' is not a whole number from -100 to 100"),
        ("crm,,101,", "the priority '101' is not"),
        ("crm,,1.5,", "the priority '1.5' is not"),
        ("crm,,٣,", "the priority '٣' is not"),
        ("crm,,,tomorrow", "due 'tomorrow' is not a date or a time such as 2026-12-01"),
        ("crm,,,2026-13-45", "due '2026-13-45' is not"),
        ("crm,,,0001-01-01", "due '0001-01-01' is not"),
        ("a\u202eb,,,", "character"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    found = rows(tmp_path, f"keyword,locale,priority,due\n{line}\nfine,,,\n")
    [(number, said)] = skipped(found).items()
    assert number == 2 and not said.endswith(".") and any(part in said for part in reason.split("|")), said
    assert keywords(found) == ["fine"]


def test_a_line_without_all_fields_and_one_with_too_many_are_read(tmp_path: Path) -> None:
    assert keywords(rows(tmp_path, "locale,keyword\nde,crm,what,is,this\nde\n")) == ["crm"]


def test_an_endless_line_is_skipped_and_the_next_is_read(tmp_path: Path) -> None:
    found = rows(tmp_path, f"keyword\n{'x' * (3 * LONGEST_LINE)}\nfine\n")
    assert skipped(found) == {2: "the line is longer than 100,000 characters"} and keywords(found) == ["fine"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"crm for startups\nkanban\n", "no column \"keyword\"; its first line is 'crm for startups'"),
        (b"keyword,keyword\na,b\n", "more than once"),
        (b"PK\x03\x04\x14\x00\x06\x00", "not text; save the sheet as CSV"),
        ("keyword\nbüro\n".encode("cp1252"), "is not UTF-8 text"),
        (b"keyword\n" + b"fine\n" * 50_000 + b"\xff\n", "is not UTF-8 text"),
        (b"\xff\xfek\x00e\x00", 'no column "keyword"'),
        (b"\xff\xfek\x00e\x00\x00\xd8", "is not UTF-16 text"),
    ],
)
def test_a_file_that_is_no_list_of_keywords_is_refused_before_its_first_row(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "k.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read(path)


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none.csv cannot be read: No such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_a_pipe_is_read_too(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("keyword\ncrm\n",))
    writer.start()
    assert keywords(read(pipe)) == ["crm"]
    writer.join()


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text("keyword\n" + "".join(f"keyword number {n} {'word ' * 20}\n" for n in range(4_000)))
    tracemalloc.start()
    with open_keywords(path, "en") as file:
        assert sum(isinstance(row, Row) for row in file.rows) == 4_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 450_000 and peak < 225_000


@given(st.lists(st.text(alphabet='ab",;\n\r \t', max_size=8), max_size=8))
def test_whatever_is_in_a_file_no_line_after_it_is_lost(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "k.csv"
    path.write_bytes(("keyword\n" + "\n".join(texts) + "\n" * 3 + "last one\n").encode())
    found = read(path)
    assert keywords(found)[-1:] == ["last one"]
    assert [row.line for row in found] == sorted(row.line for row in found)
