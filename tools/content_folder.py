"""The tools `save_draft` and `publish_content`: Markdown files with YAML front-matter in a local folder.

`<content_dir>/drafts/<slug>.md` and `<content_dir>/published/<slug>.md`. A file holds no time and no random value, so
doing the same again leaves the same bytes; it appears whole or not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.actions import Ref
from core.canonical import storable_text
from core.errors import ToolError
from core.ports import ToolContext, ToolOutput

GENERATED_BY: Final = "durable-autonomy"
OFFLINE_MODEL: Final = "offline-extractive"
OFFLINE_NOTE: Final = "Research pack made without a language model; not an article."
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")


class _NotDurable(OSError):
    """The file is in its place, and may be gone again after a power cut."""


class SaveDraft:
    """Writes the article to drafts/<slug>.md, replacing this tenant's earlier draft."""

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Raises ToolError: storage, or tool_refused when the file there is not this tenant's."""
        matter = _front_matter(arguments, context, "draft")
        path, sha256 = await _store(matter, arguments, context, "drafts")
        result = {"path": str(path), "sha256": sha256, "article_sha256": str(arguments["article_sha256"])}
        return ToolOutput(result, also=_article(arguments, context), source=str(path), summary=str(path))


def _article(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Ref]:
    """A person's version is the article from then on, and what is published; otherwise nothing is new."""
    known, sha256 = context.results.get("article"), str(arguments["article_sha256"])
    return {"article": known.model_copy(update={"sha256": sha256})} if known and known.sha256 != sha256 else {}


class PublishContent:
    """Writes the article to published/<slug>.md. A research pack made without a model is never published."""

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Raises ToolError: policy_violation, storage, or tool_refused when another site's page is there."""
        if context.task.get("model") == OFFLINE_MODEL:
            raise ToolError("A research pack made without a language model is not published.", "policy_violation")
        site = str(arguments["site"])
        matter = {**_front_matter(arguments, context, "published"), "site": site}
        path, sha256 = await _store(matter, arguments, context, "published")
        return ToolOutput({"path": str(path), "sha256": sha256, "site": site}, source=str(path), summary=str(path))


def _front_matter(arguments: Mapping[str, Any], context: ToolContext, status: str) -> dict[str, str]:
    task, model = context.task, str(context.task.get("model", ""))
    matter = {
        "title": _line(arguments["title"]),
        "description": _line(arguments["description"]),
        "keyword": _line(task["keyword"]),
        "locale": _line(task["locale"]),
        "slug": str(arguments["slug"]),
        "tenant": context.site.tenant,
        "thread": context.site.thread_id,
        "model": model,
        "status": status,
        "generated_by": GENERATED_BY,
    }
    return {**matter, "note": OFFLINE_NOTE} if model == OFFLINE_MODEL else matter


def _line(value: object) -> str:
    return " ".join(storable_text(str(value)).split())


async def _store(
    matter: Mapping[str, str], arguments: Mapping[str, Any], context: ToolContext, folder: str
) -> tuple[Path, str]:
    sha256 = str(arguments["article_sha256"])
    article = (await context.artifacts.read(context.site.tenant, [sha256]))[sha256]
    data = await asyncio.to_thread(file_bytes, article, matter)
    path = await asyncio.to_thread(_write, str(context.task["content_dir"]), folder, matter, data)
    return path, hashlib.sha256(data).hexdigest()


def file_bytes(article: str, matter: Mapping[str, str]) -> bytes:
    """The file's content, the same for the same input."""
    import frontmatter

    post = frontmatter.Post(storable_text(article).strip(), None, **matter)
    return (frontmatter.dumps(post, sort_keys=False) + "\n").encode("utf-8")


def _write(content_dir: str, folder: str, matter: Mapping[str, str], data: bytes) -> Path:
    path = Path(content_dir, folder, f"{matter['slug']}.md")
    try:
        home = _home(content_dir, folder)
        path = checked_path(home, matter["slug"])
        _refuse_foreign(path, matter)
        replace_atomically(path, data)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"{path} cannot be written: {cause}. Make room or set another folder."
        raise ToolError(message, "storage", never_sent=not isinstance(error, _NotDurable)) from error
    return path


def _home(content_dir: str, folder: str) -> Path:
    """The folder to write in, made if need be. Raises ToolError(storage) when it lies outside `content_dir`."""
    top = Path(content_dir)
    if not top.is_absolute():
        raise ToolError(f"The content folder {content_dir!r} is not an absolute path.", "storage", never_sent=True)
    (top / folder).mkdir(parents=True, exist_ok=True)
    home = (top / folder).resolve(strict=True)
    if not home.is_relative_to(top.resolve(strict=True)):
        raise ToolError(
            f"{top / folder} leads out of the content folder, to {home}; remove the link.", "storage", never_sent=True
        )
    return home


def checked_path(home: Path, slug: str) -> Path:
    """`<home>/<slug>.md`. Raises ToolError(storage) for a slug or a link that leads elsewhere."""
    if not _SLUG.fullmatch(slug):
        message = f"{slug[:100]!r} is no slug: lower-case letters, digits and hyphens, at most 81."
        raise ToolError(message, "storage", never_sent=True)
    path = home / f"{slug}.md"
    if path.is_symlink():
        raise ToolError(f"{path} is a link to {path.readlink()}; remove it.", "storage", never_sent=True)
    return path


def _refuse_foreign(path: Path, matter: Mapping[str, str]) -> None:
    """Raises ToolError(tool_refused) when the file there is a person's own, another tenant's or another site's."""
    import frontmatter
    from yaml import YAMLError

    if not path.exists():
        return
    try:
        there = frontmatter.loads(path.read_text(encoding="utf-8")).metadata
    except (YAMLError, UnicodeDecodeError):
        there = {}
    for name in ("generated_by", "tenant", "site"):
        if name in matter and there.get(name) != matter[name]:
            owner = str(there.get(name, "nobody we know"))[:80]
            raise ToolError(f"{path} is there already, {name}: {owner}; move it or take another slug.", "tool_refused")


def replace_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, reach the disk, then take its place. On OSError nothing is left behind."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    try:
        _sync_folder(path.parent)
    except OSError as error:
        raise _NotDurable(error.errno, error.strerror) from error


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
