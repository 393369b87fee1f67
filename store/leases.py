"""Keeps the leases of a process alive from a thread of its own: a busy event loop keeps them, a hung one loses them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from store.database import CONNECT_TIMEOUT
from store.sql import query
from store.threads import LEASE_SECONDS, Lease

_INTERVAL: Final = 0.5
"""Seconds between two looks: a stop reaches every runner well within a second."""
PATIENCE: Final = 10.0
"""Seconds an event loop may be silent, beyond the deadline of its longest call, until its leases are let run out."""

Tell = Callable[[], None]


@dataclass(eq=False, slots=True)
class _Held:
    lease: Lease
    on_lost: Tell
    on_stop: Tell
    loop: asyncio.AbstractEventLoop
    told: bool = False
    over: bool = False


class LeaseKeeper:
    """Renews all leases this process holds, each second, in one statement over one connection.

    While the database does not answer, leases simply run out. Implements core.ports.Deadlines.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._held: dict[tuple[str, int], _Held] = {}
        self._calls: dict[object, float] = {}
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._answered = time.monotonic()

    @contextmanager
    def hold(self, lease: Lease, *, on_lost: Tell, on_stop: Tell) -> Iterator[None]:
        """Renew `lease` while entered. Both are called in this event loop, at most once each and never afterwards:
        `on_lost` when another runner has the thread, `on_stop` when a person asks it to stop."""
        held = _Held(lease, on_lost, on_stop, asyncio.get_running_loop())
        key = (lease.thread_id, lease.epoch)
        with self._changing:
            if not self._held:
                self._answered = time.monotonic()
            self._held[key] = held
        self._start()
        try:
            yield
        finally:
            held.over = True
            with self._changing:
                self._held.pop(key, None)

    @contextmanager
    def running(self, seconds: float) -> Iterator[None]:
        call = object()
        with self._changing:
            self._calls[call] = seconds
        try:
            yield
        finally:
            with self._changing:
                del self._calls[call]

    def holds(self, lease: Lease) -> bool:
        """Whether `lease` is still renewed: neither left nor lost."""
        return (lease.thread_id, lease.epoch) in self._held

    def close(self) -> None:
        """Renew nothing any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_INTERVAL)  # no longer: it may be waiting for a database that does not answer

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
            self._thread.start()

    def _renew(self) -> None:
        while not self._ended.wait(_INTERVAL):
            try:
                self._renew_while_connected()
            except psycopg.OperationalError:
                continue

    def _renew_while_connected(self) -> None:
        with psycopg.connect(
            self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT, tcp_user_timeout=CONNECT_TIMEOUT * 1000
        ) as connection:
            while True:
                if held := self._held_by_a_living_loop():
                    self._tell(held, _renewed(connection, held))
                if self._ended.wait(_INTERVAL):
                    return

    def _held_by_a_living_loop(self) -> list[_Held]:
        """What to renew now; nothing when the event loop has been silent for too long."""
        with self._changing:
            held = list(self._held.values())
            patience = PATIENCE + max(self._calls.values(), default=0.0)
            silent = time.monotonic() - self._answered
        if not held or held[0].loop.is_closed():
            return []
        held[0].loop.call_soon_threadsafe(self._answer)
        return held if silent <= patience else []

    def _answer(self) -> None:
        self._answered = time.monotonic()

    def _tell(self, held: list[_Held], renewed: dict[tuple[str, int], bool]) -> None:
        for each in held:
            key = (each.lease.thread_id, each.lease.epoch)
            if key not in renewed:
                with self._changing:
                    self._held.pop(key, None)
                each.loop.call_soon_threadsafe(_call, each, each.on_lost)
            elif renewed[key] and not each.told:
                each.told = True
                each.loop.call_soon_threadsafe(_call, each, each.on_stop)


def _renewed(connection: psycopg.Connection[Any], held: list[_Held]) -> dict[tuple[str, int], bool]:
    """(thread, epoch) of every lease that is still ours -> whether the thread is asked to stop."""
    row = {
        "ids": [each.lease.thread_id for each in held],
        "epochs": [each.lease.epoch for each in held],
        "seconds": LEASE_SECONDS,
    }
    rows = connection.execute(query("thread_renew_leases"), row).fetchall()
    return {(thread_id, epoch): stop for thread_id, epoch, stop in rows}


def _call(held: _Held, tell: Tell) -> None:
    if not held.over:
        tell()
