"""Keeps a lease alive from a thread of its own, so that a busy event loop does not lose it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final, Self

import psycopg

from store.database import CONNECT_TIMEOUT
from store.sql import query
from store.threads import LEASE_SECONDS, Lease

_INTERVAL: Final = 1.0


class LeaseRenewal:
    """While entered, renews `lease` each second. When the database does not answer, the lease simply runs out."""

    def __init__(self, url: str, lease: Lease) -> None:
        self._url = url
        self._row = {"id": lease.thread_id, "epoch": lease.epoch, "seconds": LEASE_SECONDS}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{lease.thread_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def ended(self) -> bool:
        """Whether it has stopped renewing: left, or fenced."""
        return self._ended.is_set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._ended.wait(_INTERVAL):
            try:
                self._renew_while_connected()
            except psycopg.OperationalError:
                continue

    def _renew_while_connected(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT) as connection:
            while True:
                if connection.execute(query("thread_renew_lease"), self._row).rowcount != 1:
                    self._ended.set()
                if self._ended.wait(_INTERVAL):
                    return
