"""The real command in a process of its own, as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

AUTONOMY = (sys.executable, "-m", "cli.main")


class Commands:
    """`autonomy` with its settings in the environment and nothing of this machine's."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home.parent),
            "AUTONOMY_HOME": str(home),
            "AUTONOMY_DDGS": "off",
            "AUTONOMY_PROBE_LOCAL_MODELS": "false",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **settings,
        }

    def __call__(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AUTONOMY, *arguments],
            env=self.environment | changes,
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(
        self, *arguments: str, stdout: int | IO[str] = subprocess.DEVNULL, stderr: int | IO[str] = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Running in the background, for killing."""
        return subprocess.Popen(
            [*AUTONOMY, *arguments],
            env=self.environment,
            cwd=self.home.parent,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    def read(self, *arguments: str) -> Any:
        """The JSON that a command prints; it must end well."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
