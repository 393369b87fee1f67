"""`python -m bench` runs every benchmark and writes RESULTS.md; `python -m bench NAME` runs one."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.figures import Report, markdown, table
from bench.machine import machine

BENCHES: Final = ("superstep", "speed", "disk", "memory", "pickup", "scale", "record", "policy", "autonomy", "console")
"""Modules of this package, each with `run() -> Report`, in the order in which they are run."""
RESULTS: Final = Path(__file__).with_name("RESULTS.md")
OTHER: Final = "## Reliability\n"
_JSON: Final = "--json"


def main(arguments: Sequence[str]) -> int:
    names = [argument for argument in arguments if argument != _JSON]
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"There is no benchmark {unknown[0]}. There are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    if _JSON in arguments:
        [name] = names
        print(json.dumps(asdict(measured(name))))
        return 0
    if names:
        for name in names:
            print(table(measured(name)), end="\n\n")
        return 0
    return run_all()


def measured(name: str) -> Report:
    report: Report = importlib.import_module(f"bench.{name}").run()
    return report


def run_all() -> int:
    """Each benchmark in a process of its own, so that none finds what another left; the exit code is 1 if one fails."""
    started = time.monotonic()
    reports = {name: in_its_own_process(name) for name in BENCHES}
    rest = other_section(RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "")
    RESULTS.write_text(page(reports, time.monotonic() - started) + rest, encoding="utf-8")
    print(f"{kept(reports.values())} Written to {RESULTS}")
    return 0 if all(reports.values()) else 1


def in_its_own_process(name: str) -> Report | None:
    """Its report, printed; None when it failed, which its own process has explained."""
    print(f"{name} …", flush=True)
    done = subprocess.run(  # noqa: S603  this very program
        [sys.executable, "-m", "bench", name, _JSON], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        print(f"{name} failed with exit code {done.returncode}.\n", flush=True)
        return None
    report = Report.from_json(json.loads(done.stdout.splitlines()[-1]))
    print(table(report), end="\n\n", flush=True)
    return report


def kept(reports: Iterable[Report | None]) -> str:
    """How many targets are kept, in a sentence. A missed one is no failure: timings depend on the machine."""
    verdicts = Counter(figure.verdict for report in reports if report for figure in report.figures if figure.target)
    return f"{verdicts['ok']} of {verdicts.total()} targets are kept."


def other_section(text: str) -> str:
    """What `autonomy eval reliability --write` has put into RESULTS.md, to be kept; it stands last."""
    _, heading, section = text.partition(OTHER)
    return f"\n{heading}{section}" if heading else ""


def page(reports: dict[str, Report | None], seconds: float) -> str:
    """RESULTS.md."""
    about = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **machine(),
        "took": f"{seconds / 60:.1f} minutes",
        "in short": kept(reports.values()),
    }
    lines = [
        "# Results",
        "",
        "Written by `make bench`; what is measured and how is in README.md.",
        "",
        "| | |",
        "|---|---|",
    ]
    lines += [f"| {label} | {value} |" for label, value in about.items()]
    sections = [
        markdown(report) if report else f"## {name}\n\nFailed; nothing was measured."
        for name, report in reports.items()
    ]
    return "\n".join(lines) + "\n\n" + "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
