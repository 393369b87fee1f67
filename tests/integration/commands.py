"""The real command: in a process of its own, as a person runs it, or in this one where the process is not the point."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from cli.main import main

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


class CommandsHere(Commands):
    """The same entry with the same environment, folder, output, errors and exit code, without the second or two that a
    process takes to start. What is started in the background is a process here too."""

    def __call__(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            _as_process([*AUTONOMY[2:], *arguments], self.environment | changes, self.home.parent),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _as_process(arguments: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    before, called = dict(os.environ), sys.argv
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = arguments
        with contextlib.chdir(folder):
            yield
    finally:
        sys.argv = called
        os.environ.clear()
        os.environ.update(before)
