"""Where the figures were taken: the machine and the versions, so that two runs can be told apart."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

PACKAGES: Final = ("langgraph", "langgraph-checkpoint-postgres", "procrastinate", "dbos", "psycopg")


def machine() -> Mapping[str, str]:
    """Label -> value, in the order in which they are shown."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": f"{_processor()}, {_cores()} cores",
        "memory": f"{memory:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def _cores() -> int | None:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor() -> str:
    """The processor's name; what the architecture is called where the system does not say more."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
