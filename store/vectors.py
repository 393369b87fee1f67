"""Past tasks in Chroma, for novelty. The index can be rebuilt; losing it only makes everything look new."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.errors import ToolError
from core.ports import UNUSABLE, Embedder, NoveltyReading
from escalation.novelty import NAME, embed, novelty_of_distance

_SOON_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class ChromaServer:
    """Where several workers share one index."""

    host: str
    port: int
    secure: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Lexical:
    """core.ports.Embedder without a model: it sees words, not what they mean."""

    name = NAME

    def embed(self, text: str) -> list[float]:
        return embed(text)


class ChromaNovelty:
    """core.ports.Novelty over Chroma, in a folder or on a server. The client is made at the first use
    (1.8 s), and not before there is anything to ask for."""

    def __init__(self, place: Path | ChromaServer, embedder: Embedder | None = None) -> None:
        self.place = place
        self.embedder = embedder or Lexical()
        self._lock = threading.Lock()
        self._client: Any = None
        self._counts: dict[str, tuple[int, float]] = {}

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        return await asyncio.to_thread(self._nearest, tenant, task_type, situation)

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        return await asyncio.to_thread(self._remember, tenant, task_type, key, situation)

    def warm_up(self) -> None:
        """Open the index, if there is one, in the background of whatever else is going on."""
        if self._begun():
            threading.Thread(target=self.check, name="chroma", daemon=True).start()

    def check(self) -> str:
        """What keeps the index from working; empty when it does."""
        try:
            self._connected().list_collections()
        except _failures() as error:
            return _unusable(error)
        return ""

    def _begun(self) -> bool:
        """Whether there is anything to ask: an index in a folder is made when something is first remembered."""
        return isinstance(self.place, ChromaServer) or self.place.exists()

    def _nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        nothing = NoveltyReading(1.0, 0, "0 similar tasks")
        try:
            if not self._begun():
                return nothing
            collection = self.collection(tenant, task_type)
            similar = self._count(collection)
            if similar == 0:
                return nothing
            vector = self.embedder.embed(situation)
            found = collection.query(query_embeddings=[vector], n_results=1, include=["distances"])
            distance = float(found["distances"][0][0])
        except _failures() as error:
            return NoveltyReading(1.0, 0, _unusable(error))
        return NoveltyReading(novelty_of_distance(distance), similar, f"{self.embedder.name} distance to the nearest")

    def _remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        try:
            collection = self.collection(tenant, task_type)
            collection.upsert(ids=[key], embeddings=[self.embedder.embed(situation)], documents=[situation])
        except _failures() as error:
            return _unusable(error)
        return ""

    def collection(self, tenant: str, task_type: str) -> Any:
        """Chroma's own, for filling it in bulk."""
        space = {"hnsw": {"space": "cosine"}}
        name = _name(self.embedder.name, tenant, task_type)
        return self._connected().get_or_create_collection(name, configuration=space)

    def _count(self, collection: Any) -> int:
        """Chroma counts row by row, so a large index is counted once a minute; the number is for people only."""
        known, until = self._counts.get(collection.name, (0, 0.0))
        if known < _SOON_COUNTED or time.monotonic() > until:
            known = int(collection.count())
            self._counts[collection.name] = (known, time.monotonic() + 60.0)
        return known

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                import chromadb
                from chromadb.config import Settings

                settings = Settings(anonymized_telemetry=False)
                if isinstance(self.place, ChromaServer):
                    host, port, secure = self.place.host, self.place.port, self.place.secure
                    self._client = chromadb.HttpClient(host, port, secure, settings=settings)
                else:
                    self.place.mkdir(parents=True, exist_ok=True)
                    self._client = chromadb.PersistentClient(path=str(self.place), settings=settings)
            return self._client


def _failures() -> tuple[type[Exception], ...]:
    """What an index raises that is broken, locked, on a full disk or away, holds vectors of another size, or whose
    embeddings cannot be had. Evaluated only once something was raised."""
    import httpx
    from chromadb.errors import ChromaError

    return (ChromaError, ToolError, httpx.HTTPError, OSError, ValueError, RuntimeError)


def _unusable(error: Exception) -> str:
    cause = " ".join(str(error).split())[:120] or type(error).__name__
    return f"{UNUSABLE} ({cause}), so everything counts as new"


def _name(embedder: str, tenant: str, task_type: str) -> str:
    """A collection per embedding, tenant and task type; hashed, because Chroma bounds names to 63 plain characters."""
    kind = embedder if embedder == NAME else hashlib.sha256(embedder.encode()).hexdigest()[:16]
    return f"{kind}-{hashlib.sha256(f'{tenant}/{task_type}'.encode()).hexdigest()[:32]}"
