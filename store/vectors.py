"""Past tasks in Chroma, for novelty. The index can be rebuilt; losing it only makes everything look new."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path
from typing import Any

from core.ports import NoveltyReading
from escalation.novelty import NAME, embed, novelty_of_distance


class ChromaNovelty:
    """core.ports.Novelty over an embedded Chroma in `folder`. The client is made at the first use (1.8 s)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._client: Any = None

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        return await asyncio.to_thread(self._nearest, tenant, task_type, situation)

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> None:
        await asyncio.to_thread(self._remember, tenant, task_type, key, situation)

    def warm_up(self) -> None:
        """Open the index in the background of whatever else is going on."""
        threading.Thread(target=self._connected, name="chroma", daemon=True).start()

    def check(self) -> str:
        """One line on the state of the index, for doctor."""
        client = self._connected()
        if client is None:
            return f"Chroma in {self._folder} does not open; everything counts as new until it does."
        return f"Chroma in {self._folder}, {len(client.list_collections())} collections, {NAME} embedding"

    def _nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        client = self._connected()
        if client is None:
            return NoveltyReading(1.0, 0, "the index of past tasks does not open, so everything counts as new")
        collection = client.get_or_create_collection(
            _name(tenant, task_type), configuration={"hnsw": {"space": "cosine"}}
        )
        similar = collection.count()
        if similar == 0:
            return NoveltyReading(1.0, 0, "0 similar tasks")
        found = collection.query(query_embeddings=[embed(situation)], n_results=1, include=["distances"])
        distance = float(found["distances"][0][0])
        return NoveltyReading(novelty_of_distance(distance), similar, f"{NAME} distance to the nearest")

    def _remember(self, tenant: str, task_type: str, key: str, situation: str) -> None:
        if (client := self._connected()) is None:
            return
        collection = client.get_or_create_collection(
            _name(tenant, task_type), configuration={"hnsw": {"space": "cosine"}}
        )
        collection.upsert(ids=[key], embeddings=[embed(situation)], documents=[situation])

    def _connected(self) -> Any:
        """The client, or None when Chroma cannot be opened here."""
        with self._lock:
            if self._client is None:
                import chromadb
                from chromadb.config import Settings
                from chromadb.errors import ChromaError

                try:
                    self._folder.mkdir(parents=True, exist_ok=True)
                    settings = Settings(anonymized_telemetry=False)
                    self._client = chromadb.PersistentClient(path=str(self._folder), settings=settings)
                except (ChromaError, OSError, ValueError):
                    return None
            return self._client


def _name(tenant: str, task_type: str) -> str:
    """A collection per tenant and task type; hashed, because Chroma bounds names to 63 plain characters."""
    return f"{NAME}-{hashlib.sha256(f'{tenant}/{task_type}'.encode()).hexdigest()[:32]}"
