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
    """core.ports.Novelty over an embedded Chroma in `folder`.

    The client is made at the first use (1.8 s), and not before there is anything in the folder to ask for.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._client: Any = None

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        return await asyncio.to_thread(self._nearest, tenant, task_type, situation)

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        return await asyncio.to_thread(self._remember, tenant, task_type, key, situation)

    def warm_up(self) -> None:
        """Open the index, if there is one, in the background of whatever else is going on."""
        if self._folder.is_dir():
            threading.Thread(target=self.check, name="chroma", daemon=True).start()

    def check(self) -> str:
        """What keeps the index from working; empty when it does."""
        try:
            self._connected().list_collections()
        except _failures() as error:
            return _unusable(error)
        return ""

    def _nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        nothing = NoveltyReading(1.0, 0, "0 similar tasks")
        try:
            if not self._folder.exists():
                return nothing
            collection = self._collection(tenant, task_type)
            similar = collection.count()
            if similar == 0:
                return nothing
            found = collection.query(query_embeddings=[embed(situation)], n_results=1, include=["distances"])
            distance = float(found["distances"][0][0])
        except _failures() as error:
            return NoveltyReading(1.0, 0, _unusable(error))
        return NoveltyReading(novelty_of_distance(distance), similar, f"{NAME} distance to the nearest")

    def _remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        try:
            collection = self._collection(tenant, task_type)
            collection.upsert(ids=[key], embeddings=[embed(situation)], documents=[situation])
        except _failures() as error:
            return _unusable(error)
        return ""

    def _collection(self, tenant: str, task_type: str) -> Any:
        space = {"hnsw": {"space": "cosine"}}
        return self._connected().get_or_create_collection(_name(tenant, task_type), configuration=space)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                import chromadb
                from chromadb.config import Settings

                self._folder.mkdir(parents=True, exist_ok=True)
                settings = Settings(anonymized_telemetry=False)
                self._client = chromadb.PersistentClient(path=str(self._folder), settings=settings)
            return self._client


def _failures() -> tuple[type[Exception], ...]:
    """What an index that is broken, locked or on a full disk raises. Evaluated only once something was raised."""
    from chromadb.errors import ChromaError

    return (ChromaError, OSError, ValueError, RuntimeError)


def _unusable(error: Exception) -> str:
    cause = " ".join(str(error).split())[:120] or type(error).__name__
    return f"the index of past tasks does not work ({cause}), so everything counts as new"


def _name(tenant: str, task_type: str) -> str:
    """A collection per tenant and task type; hashed, because Chroma bounds names to 63 plain characters."""
    return f"{NAME}-{hashlib.sha256(f'{tenant}/{task_type}'.encode()).hexdigest()[:32]}"
