"""`python -m evals.reliability [--short] [--only NAME] [--json] [--write FILE]`; exit 1 when a promise is not kept."""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from core.errors import AutonomyError
from evals.reliability import report
from evals.reliability.report import Finding
from evals.reliability.suite import SCENARIOS, play, play_short
from evals.reliability.theatre import LONG, SHORT, Size, Theatre, open_theatre


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # that connections break is what is tried
    try:
        with open_theatre(_folder()) as theatre:
            if given.short and not given.only:
                findings = [found for each in asyncio.run(play_short(theatre)).values() for found in each]
            else:
                size = SHORT if given.short else LONG
                findings = [found for name in given.only or SCENARIOS for found in _play(theatre, name, size)]
            where = report.machine(_server_version(theatre))
    except AutonomyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    text = report.table(findings, where)
    print(json.dumps(report.as_json(findings, where), ensure_ascii=False, indent=2) if given.json else text)
    if given.write is not None:
        report.write(given.write, text)
    return 0 if all(found.ok for found in findings) else 1


def _folder() -> Path:
    """Removed after the database's library has taken its lock in there for the last time, when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="reliability-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.reliability", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the form that the tests run, about a minute")
    parser.add_argument("--only", action="append", choices=tuple(SCENARIOS), help="a scenario; may be repeated")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a Markdown file")
    return parser.parse_args(arguments)


def _play(theatre: Theatre, name: str, size: Size) -> list[Finding]:
    began = time.monotonic()
    print(f"{name} …", file=sys.stderr, flush=True)
    found = asyncio.run(play(theatre, name, size))
    verdict = "ok" if all(each.ok for each in found) else "NOT OK"
    print(f"{name}: {verdict}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def _server_version(theatre: Theatre) -> str:
    with theatre.cluster.connect() as connection:
        [version] = connection.execute("show server_version").fetchone() or ["?"]
    return str(version)


if __name__ == "__main__":
    sys.exit(main())
