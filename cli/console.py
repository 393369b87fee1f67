"""Where output goes: text for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_JOINERS: Final = "\u200c\u200d"
"""Parts of emoji and of Persian and Indic spelling."""


def out() -> Console:
    """Standard output. Text from outside is never read as markup."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def pick(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def safe(text: str) -> Text:
    """`text` with everything a terminal would obey, line breaks too, made visible instead."""
    return Text("".join(each if each.isprintable() or each in _JOINERS else "\ufffd" for each in text))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their columns; the first column is never broken."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        grid.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        grid.add_row(*(safe(cell) for cell in row))
    out().print(grid)


def program() -> str:
    """The command as it can be typed here: by its path where it is not on PATH."""
    called = Path(sys.argv[0])
    if called.name != "autonomy" or shutil.which("autonomy") is not None:
        return "autonomy"
    near = os.path.relpath(called)
    return near if not near.startswith("..") else str(called)


def local(at: datetime, form: str) -> str:
    """A stored time on the reader's clock."""
    return at.astimezone().strftime(form)


def short(path: Path) -> str:
    """`path` with the home folder as ~."""
    home, full = str(Path.home()), str(path.expanduser())
    return "~" + full[len(home) :] if home != "/" and full.startswith(home + "/") else full


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
