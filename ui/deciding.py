"""Taking a decision. The page stores it; a worker runs the thread on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import streamlit as st

from core.reviews import WireAnswer
from runtime.people import local_user
from runtime.settings import read_settings
from runtime.wiring import open_application


def decide(number: int, wire: WireAnswer, *, arguments: Mapping[str, Any] | None = None, message: str = "") -> None:
    """Take the local person's decision, once. Raises what runtime.threads.decide raises."""
    asyncio.run(_decide(number, wire, arguments, message))


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Load, once and beside the page, what the first decision would otherwise wait for: LangGraph takes a second."""
    threading.Thread(target=import_module, args=("runtime.threads",), daemon=True).start()


async def _decide(number: int, wire: WireAnswer, arguments: Mapping[str, Any] | None, message: str) -> None:
    from runtime import threads  # brings LangGraph, for which no page must wait

    async with open_application(read_settings()) as app:
        await threads.decide(app, number, wire, threads.Person(local_user()), arguments=arguments, message=message)
