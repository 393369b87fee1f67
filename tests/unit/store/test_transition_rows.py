from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.supersteps import TaskWrites, in_order
from store.transition_rows import CheckpointRow, next_version, write_columns

LONG = "00000000000000000000000000000012.0.7391442917"
"""A version as LangGraph's own saver writes it."""


def test_a_version_sorts_after_the_one_before_it_and_after_the_long_ones_of_an_older_thread() -> None:
    versions = [next_version(None)]
    for _ in range(1_100):
        versions.append(next_version(versions[-1]))
    assert versions == sorted(versions) and len(set(versions)) == len(versions)
    assert next_version(LONG) > LONG
    assert next_version(LONG).startswith("00000013.")
    assert next_version(None) > LONG
    assert len(versions[0]) == 15


def test_two_branches_from_one_checkpoint_get_different_versions() -> None:
    assert len({next_version("00000001.abcdef") for _ in range(50)}) == 50


@given(st.lists(st.sampled_from("cab"), max_size=6))
def test_tasks_of_a_superstep_are_in_the_order_of_their_paths_and_supersteps_as_they_came(paths: list[str]) -> None:
    tasks = [TaskWrites("", checkpoint, path, path, ()) for checkpoint in ("2", "1") for path in paths]
    ordered = in_order(tasks)
    assert [task.checkpoint_id for task in ordered] == ["2"] * len(paths) + ["1"] * len(paths)
    assert [task.task_path for task in ordered] == sorted(paths) * 2


class Plain:
    """A serialiser whose bytes can be read in an assertion."""

    def dumps_typed(self, obj: object) -> tuple[str, bytes]:
        return "plain", str(obj).encode()

    def loads_typed(self, data: tuple[str, bytes]) -> object:
        return data[1]


@pytest.mark.parametrize(("channel", "kept"), [("__interrupt__", "second"), ("answer", "first")])
def test_of_two_writes_in_one_place_an_interrupt_replaces_and_a_value_stays(channel: str, kept: str) -> None:
    tasks = [TaskWrites("", "c", "t", "p", ((channel, word),)) for word in ("first", "second")]
    [row] = json.loads(write_columns(tasks, Plain())["writes"])
    assert row["blob"] == f"\\x{kept.encode().hex()}"


def channels(columns: dict[str, str]) -> list[str]:
    return [row["channel"] for row in json.loads(columns["writes"])]


def test_a_task_that_told_only_events_is_stored_as_ended() -> None:
    columns = write_columns([TaskWrites("", "c", "t", "p", (("events", [{}]),))], Plain())
    assert channels(columns) == ["__no_writes__"]


def test_names_with_quotes_braces_and_backslashes_stay_one_value() -> None:
    columns = write_columns([TaskWrites("", "c", 't"\\,{}', "p", (("a", 1),))], Plain())
    assert json.loads(columns["writes"])[0]["task_id"] == 't"\\,{}'


def test_of_a_superstep_stored_with_its_checkpoint_only_what_the_checkpoint_lacks_is_stored() -> None:
    tasks = [TaskWrites("", "c", "t", "p", (("answer", 1), ("__resume__", 2))), TaskWrites("sub", "c", "s", "p", ())]
    made = CheckpointRow("", "d", "c", "{}", "{}", ())
    assert channels(write_columns(tasks, Plain(), made)) == ["__resume__", "__no_writes__"]
    rebuilt = made._replace(metadata='{"counters_since_delta_snapshot": {}}')
    assert "answer" in channels(write_columns(tasks, Plain(), rebuilt))
    assert "answer" in channels(write_columns(tasks, Plain(), made._replace(parent_id="b")))
