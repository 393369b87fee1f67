"""Which database is in force. Apart from the composition root, which takes a second to import."""

from __future__ import annotations

from runtime.settings import Settings
from store import database, embedded


def database_url(settings: Settings) -> str:
    """The database in force: the given one, or the embedded one, started if need be."""
    if settings.database_url is not None:
        return database.checked_url(settings.database_url.get_secret_value())
    return embedded.start(settings.home.expanduser())
