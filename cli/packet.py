"""packet: all that somebody needs who is to act on a thread they have never seen."""

from __future__ import annotations

from dataclasses import asdict

from cli.console import out, print_json, safe
from runtime import packets
from runtime.packet_text import markdown
from runtime.settings import read_settings
from runtime.wiring import open_application


async def packet(thread_id: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        found = await packets.packet(app, await app.threads.find(thread_id))
    if json:
        print_json(asdict(found))
    else:
        for line in markdown(found):
            out().print(safe(line), soft_wrap=True)
    return 0
