"""What takes more than a query: work with an application of its own, which is open for as long as the work takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import psycopg
import uvloop
from psycopg_pool import PoolTimeout

from runtime.databases import database_url
from runtime.settings import Settings
from store import database
from ui import reading

if TYPE_CHECKING:
    from runtime.wiring import Application

Result = TypeVar("Result")


def with_application(work: Callable[[Application], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """What `work` returns. `settings`: for a thread that is none of Streamlit's. Raises DatabaseUnavailable."""
    from runtime.wiring import open_application

    given = settings or reading.settings()

    async def opened() -> Result:
        async with open_application(given) as app:
            return await work(app)

    try:
        return uvloop.run(opened())
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise database.unavailable(database_url(given), error) from error
