"""db: the address and the revision of the database."""

from __future__ import annotations

from pathlib import Path

from cli.console import out, print_json, safe, short
from runtime.databases import database_url
from runtime.settings import read_settings
from store import database, embedded


async def url(json: bool) -> int:
    address = database_url(read_settings())
    if json:
        print_json({"url": address})
    else:
        out().print(safe(address), soft_wrap=True)
    return 0


async def migrate() -> int:
    out().print(f"The database is at revision {database.migrate(database_url(read_settings()))}.")
    return 0


async def status(json: bool) -> int:
    found, known = database.revision(database_url(read_settings()))
    if json:
        print_json({"database": found, "release": known, "status": "current" if found == known else "behind"})
    elif found == known:
        out().print(f"The database is at revision {found}, as this release needs it.")
    else:
        out().print(
            f"The database is at {found or 'no revision'}; this release needs {known}. Run: autonomy db migrate"
        )
    return 0


async def backup(file: Path) -> int:
    from store.backup import dump

    settings = read_settings()
    dump(database_url(settings), file)
    out().print(safe(f"{file} holds the database."), soft_wrap=True)
    outside = f"Not in it: {short(settings.content)} (drafts and published files). See docs/backup.md"
    out().print(safe(outside), soft_wrap=True)
    return 0


async def restore(file: Path) -> int:
    from store.backup import restore as fill

    url = database_url(read_settings())
    fill(url, file)
    out().print(safe(f"{file} is restored; the database is at revision {database.migrate(url)}."), soft_wrap=True)
    return 0


async def stop() -> int:
    settings = read_settings()
    if settings.database_url is not None:
        out().print("DATABASE_URL is set: that server is not ours to stop.")
        return 2
    stopped = embedded.stop(settings.home.expanduser())
    out().print("The embedded PostgreSQL is stopped." if stopped else "The embedded PostgreSQL was not running.")
    return 0
