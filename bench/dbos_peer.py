"""DBOS with the same number of empty steps, in a process of its own: it is one global object with threads of its own.

`python -m bench.dbos_peer URL STEPS`, then one line on standard input for each measurement: the number of workflows to
run at once. It answers each with the seconds they took. Plain functions, not coroutines: its faster way (a step of a
coroutine hands its database call to a thread).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


class Peer:
    """The other side of that process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, workflows: int) -> float:
        """Seconds for that many workflows at once."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the peer was started without pipes")
        print(workflows, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


@contextmanager
def peer(url: str, steps: int) -> Iterator[Peer]:
    """DBOS over a database of its own on the server behind `url`."""
    command = [sys.executable, "-m", "bench.dbos_peer", psycopg.conninfo.make_conninfo(url, dbname="dbos"), str(steps)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield Peer(process)
        finally:
            process.terminate()


def main(conninfo: str, steps: int) -> None:
    from dbos import DBOS

    @DBOS.step()
    def count(counted: int) -> int:
        return counted + 1

    @DBOS.workflow()
    def run_steps() -> int:
        counted = 0
        for _ in range(steps):
            counted = count(counted)
        return counted

    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    url = f"postgresql://{parts['user']}:@/{parts['dbname']}?host={parts['host']}"
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    for line in sys.stdin:
        started = time.perf_counter()
        for handle in [DBOS.start_workflow(run_steps) for _ in range(int(line))]:
            handle.get_result()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
