"""What the index of past tasks is made of: where Chroma is, and whose embeddings it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.errors import BadInput
from runtime.models import OPENAI_BASE_URL
from store.vectors import ChromaNovelty, ChromaServer, Lexical

if TYPE_CHECKING:
    from core.ports import Embedder
    from runtime.settings import Settings


def past_tasks(settings: Settings) -> ChromaNovelty:
    """The index, not yet opened. Raises BadInput for a setting that cannot be used."""
    place = settings.home.expanduser() / "chroma" if settings.chroma_url is None else _server(settings.chroma_url)
    return ChromaNovelty(place, _embedder(settings))


def _server(url: str) -> ChromaServer:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("AUTONOMY_CHROMA_URL is not an http(s) URL; it looks like http://chroma.internal:8000")
    return ChromaServer(parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.scheme == "https")


def _embedder(settings: Settings) -> Embedder:
    if settings.embedding_model is None:
        return Lexical()
    base_url = settings.embedding_url or settings.openai_base_url
    if base_url is None and settings.openai_api_key is None:
        raise BadInput("AUTONOMY_EMBEDDING_MODEL is set, but not where it is: set AUTONOMY_EMBEDDING_URL.")
    from tools.embeddings import HttpEmbedder  # httpx takes its time to import

    return HttpEmbedder(base_url or OPENAI_BASE_URL, settings.embedding_model, settings.openai_api_key)
