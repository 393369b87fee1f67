"""Past tasks in Chroma, for novelty. The index can be rebuilt; losing it only makes everything look new."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from core.errors import ToolError
from core.ports import UNUSABLE, Embedder, NoveltyReading
from escalation.novelty import NAME, embed, novelty_of_distance

T = TypeVar("T")
_SOON_COUNTED: Final = 1_000
NEAREST: Final = 100
"""Past tasks that are named as most like one: enough for a rate where only some of them were ever judged."""
_NEVER: Final = 1 << 30
"""Records after which Chroma stores its graph beside its database, in a folder. Two processes that do so destroy each
other's files, and what then opens the folder is killed by SIGSEGV (chromadb 1.5.9). SQLite is made for several."""


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
        self._opened: dict[str, Any] = {}
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
        def measured(collection: Any) -> NoveltyReading:
            similar = self._count(collection)
            if similar == 0:
                return nothing
            vector = self.embedder.embed(situation)
            found = collection.query(query_embeddings=[vector], n_results=NEAREST, include=["distances"])
            novelty = novelty_of_distance(float(found["distances"][0][0]))
            note = f"{self.embedder.name} distance to the nearest"
            return NoveltyReading(novelty, similar, note, tuple(found["ids"][0]))

        nothing = NoveltyReading(1.0, 0, "0 similar tasks")
        try:
            return self._using(tenant, task_type, measured) if self._begun() else nothing
        except _failures() as error:
            return NoveltyReading(1.0, 0, _unusable(error))

    def _remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        def kept(collection: Any) -> None:
            collection.upsert(ids=[key], embeddings=[self.embedder.embed(situation)], documents=[situation])

        try:
            self._using(tenant, task_type, kept)
        except _failures() as error:
            return _unusable(error)
        return ""

    def _using(self, tenant: str, task_type: str, use: Callable[[Any], T]) -> T:
        """What `use` makes of the collection; once more with a new one, if somebody has deleted the one held open."""
        try:
            return use(self.collection(tenant, task_type))
        except _gone():
            name = self._name(tenant, task_type)
            self._opened.pop(name, None)
            self._counts.pop(name, None)
            return use(self.collection(tenant, task_type))

    def collection(self, tenant: str, task_type: str) -> Any:
        """Chroma's own, for filling it in bulk. Held open: to ask for it takes a third as long as to search it."""
        name = self._name(tenant, task_type)
        if name not in self._opened:
            graph: dict[str, Any] = {"space": "cosine"}
            if isinstance(self.place, Path):
                graph["sync_threshold"] = _NEVER  # each process makes the graph of what the database holds
            self._opened[name] = self._connected().get_or_create_collection(name, configuration={"hnsw": graph})
        return self._opened[name]

    def _name(self, tenant: str, task_type: str) -> str:
        name = _name(self.embedder.name, tenant, task_type)
        return f"{name}-unsynced" if isinstance(self.place, Path) else name  # a graph once stored is never opened

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


def _gone() -> type[Exception]:
    """What a collection raises that was deleted. Evaluated only once something was raised."""
    from chromadb.errors import NotFoundError

    return NotFoundError


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
