from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json, storable
from core.chains import Break, ChainReader, Link
from core.events import GENESIS, ChainedEvent, Event, chain

AT = datetime(2026, 11, 2, 14, 3, 9, 123457, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def stored(bodies: list[dict[str, Any]]) -> list[Link]:
    events = [Event("observation", "agent", storable(body)) for body in bodies]
    return [as_link(each) for each in chain("t1", 0, GENESIS, events, AT, "c1")]


def as_link(each: ChainedEvent) -> Link:
    return Link(
        "acme", each.seq, each.kind, each.event_class, each.actor, each.at, each.checkpoint_id,
        canonical_json(each.body), each.prev_hash, each.hash,
    )  # fmt: skip


def breaks(links: list[Link], end: Link | None = None) -> list[Break]:
    reader = ChainReader("t1", "acme")
    found = [place for link in links for place in reader.read(link)]
    last = end or (links[-1] if links else None)
    return found + list(reader.end(last.seq if last else 0, last.hash if last else GENESIS))


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=6))
def test_what_was_chained_is_read_without_a_break(bodies: list[dict[str, Any]]) -> None:
    assert breaks(stored(bodies)) == []


LINKS = stored([{"what": f"step {number}"} for number in range(1, 7)])


@given(st.integers(0, 5), st.sampled_from(["body", "actor", "kind", "checkpoint_id", "at", "event_class", "tenant"]))
def test_any_changed_column_is_found_where_it_is(place: int, column: str) -> None:
    others = {
        "body": '{"what":"nothing"}', "actor": "sam", "kind": "decision", "checkpoint_id": None,
        "at": AT.replace(microsecond=123458), "event_class": "observed", "tenant": "globex",
    }  # fmt: skip
    changed = [*LINKS]
    changed[place] = LINKS[place]._replace(**{column: others[column]})
    assert [found.seq for found in breaks(changed, LINKS[-1])] == [place + 1]


@given(st.integers(0, 5), st.integers(1, 3))
def test_what_was_deleted_is_named_wherever_it_was(first: int, count: int) -> None:
    left = LINKS[:first] + LINKS[first + count :]
    [found, *_] = breaks(left, LINKS[-1])
    assert found.seq == first + 1
    assert "missing" in found.what


def test_a_body_that_the_database_spelled_otherwise_is_the_same_body() -> None:
    spaced = [link._replace(body=link.body.replace(":", ": ")) for link in LINKS]
    assert breaks(spaced) == []
    assert [found.seq for found in breaks([LINKS[0]._replace(body="{"), *LINKS[1:]])] == [1]


def test_a_reorder_is_found_at_both_places() -> None:
    swapped = [*LINKS]
    swapped[2], swapped[3] = LINKS[3]._replace(seq=3), LINKS[2]._replace(seq=4)
    assert {found.seq for found in breaks(swapped)} >= {3, 4}


def test_the_newest_events_are_missed_because_the_thread_knows_its_end() -> None:
    assert breaks(LINKS[:4], LINKS[-1]) == [Break("t1", 5, "#5 to #6 are missing, the newest of the thread")]
    assert [found.seq for found in breaks([], LINKS[-1])] == [1]


def test_an_event_added_behind_the_end_is_found() -> None:
    assert breaks(LINKS, LINKS[4]) == [Break("t1", 6, "#6 was added behind the thread's last event")]


def test_a_rewritten_last_event_is_found_although_its_own_hash_fits() -> None:
    *before, last = [{"what": f"step {number}"} for number in range(1, 7)]
    rewritten = stored([*before, {**last, "what": "another"}])
    assert [found.seq for found in breaks(rewritten, LINKS[-1])] == [6]
