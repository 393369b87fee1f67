from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frontmatter
import pytest

from core.actions import Ref
from core.errors import ToolError
from core.ports import CallSite, ToolContext
from core.vocabulary import Trust
from tools.content_folder import OFFLINE_NOTE, PublishContent, SaveDraft

ARTICLE = "# Title\n\nText with é and 🚀.\n\n---\n\nAfter a rule."


class Texts:
    """The artifact store's twin in memory."""

    def __init__(self, *texts: str) -> None:
        self.held = {hashlib.sha256(text.encode()).hexdigest(): text for text in texts}

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.held[sha256] = text
        return Ref(sha256=sha256, media=media, source=source, trust=trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        return {sha256: self.held[sha256] for sha256 in sha256s}


def context(folder: Path | str, tenant: str = "acme", **task: str) -> ToolContext:
    base = {"keyword": "crm", "locale": "en-US", "model": "gpt-test", "content_dir": str(folder)}
    site = CallSite(tenant=tenant, thread_id="thread-1", task_id="task-1")
    return ToolContext(site, {**base, **task}, {}, Texts(ARTICLE), deadline=10.0)


def arguments(**changes: str) -> dict[str, Any]:
    sha256 = hashlib.sha256(ARTICLE.encode()).hexdigest()
    base = {
        "title": "A: title # with 'marks'",
        "description": "About it.",
        "slug": "crm",
        "site": "https://acme.example",
    }
    return {**base, "article_sha256": sha256, **changes}


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_draft_is_markdown_with_front_matter(tmp_path: Path) -> None:
    output = await SaveDraft()(arguments(), context(tmp_path))
    path = tmp_path / "drafts" / "crm.md"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    article = arguments()["article_sha256"]
    assert output.result == {"path": str(path), "sha256": digest, "article_sha256": article}
    post = frontmatter.loads(path.read_text(encoding="utf-8"))
    assert post.content == ARTICLE
    assert post.metadata == {
        "title": "A: title # with 'marks'", "description": "About it.", "keyword": "crm", "locale": "en-US",
        "slug": "crm", "tenant": "acme", "thread": "thread-1", "model": "gpt-test", "status": "draft",
        "generated_by": "durable-autonomy",
    }  # fmt: skip


async def test_saving_again_leaves_the_same_bytes(tmp_path: Path) -> None:
    first = await SaveDraft()(arguments(), context(tmp_path))
    assert await SaveDraft()(arguments(), context(tmp_path)) == first
    assert files(tmp_path) == ["drafts/crm.md"]


async def test_a_publication_names_its_site(tmp_path: Path) -> None:
    output = await PublishContent()(arguments(), context(tmp_path))
    assert (output.result["site"], output.result["path"]) == (
        "https://acme.example", str(tmp_path / "published" / "crm.md"),
    )  # fmt: skip
    metadata = frontmatter.loads((tmp_path / "published" / "crm.md").read_text()).metadata
    assert (metadata["status"], metadata["site"]) == ("published", "https://acme.example")


async def test_a_research_pack_says_that_it_is_one(tmp_path: Path) -> None:
    await SaveDraft()(arguments(), context(tmp_path, model="offline-extractive"))
    metadata = frontmatter.loads((tmp_path / "drafts" / "crm.md").read_text()).metadata
    assert (metadata["model"], metadata["note"]) == ("offline-extractive", OFFLINE_NOTE)


async def test_a_research_pack_is_never_published(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="not published") as caught:
        await PublishContent()(arguments(), context(tmp_path, model="offline-extractive"))
    assert caught.value.failure_class == "policy_violation"
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "title", ["---\nstatus: published", "a\x00b\ud800", "multi\nline: [", "🚀 مرحبا", "'\"{}&*!|>%@`"]
)
async def test_a_title_cannot_break_the_front_matter(tmp_path: Path, title: str) -> None:
    await SaveDraft()(arguments(title=title), context(tmp_path))
    metadata = frontmatter.loads((tmp_path / "drafts" / "crm.md").read_text(encoding="utf-8")).metadata
    assert metadata["status"] == "draft" and "\n" not in str(metadata["title"])


@pytest.mark.parametrize("slug", ["", "../x", "a/b", "-a", "A", "a.b", "a" * 82, "a\n", "é", "a\x00"])
async def test_a_slug_cannot_lead_elsewhere(tmp_path: Path, slug: str) -> None:
    with pytest.raises(ToolError, match="no slug") as caught:
        await SaveDraft()(arguments(slug=slug), context(tmp_path))
    assert caught.value.failure_class == "storage" and caught.value.never_sent
    assert files(tmp_path) == []


async def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "content"
    outside.mkdir()
    inside.mkdir()
    (inside / "drafts").symlink_to(outside)
    with pytest.raises(ToolError, match="leads out of the content folder"):
        await SaveDraft()(arguments(), context(inside))
    (inside / "published").mkdir()
    (inside / "published" / "crm.md").symlink_to(outside / "victim.md")
    with pytest.raises(ToolError, match="is a link to"):
        await PublishContent()(arguments(), context(inside))
    assert files(outside) == []


async def test_a_linked_content_folder_itself_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    await SaveDraft()(arguments(), context(tmp_path / "link"))
    assert files(tmp_path / "real") == ["drafts/crm.md"]


async def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(ToolError, match="not an absolute path"):
        await SaveDraft()(arguments(), context("content"))


@pytest.mark.parametrize("text", ["My own notes", "---\ntitle: mine\n---\nx", "---\n[broken\n---\n"])
async def test_a_persons_own_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "crm.md").write_text(text)
    with pytest.raises(ToolError, match="is there already") as caught:
        await SaveDraft()(arguments(), context(tmp_path))
    assert caught.value.failure_class == "tool_refused"
    assert (tmp_path / "drafts" / "crm.md").read_text() == text


async def test_another_tenants_draft_and_another_sites_page_are_not_overwritten(tmp_path: Path) -> None:
    await SaveDraft()(arguments(), context(tmp_path))
    with pytest.raises(ToolError, match="tenant: acme"):
        await SaveDraft()(arguments(), context(tmp_path, tenant="other"))
    await PublishContent()(arguments(), context(tmp_path))
    with pytest.raises(ToolError, match=r"site: https://acme\.example"):
        await PublishContent()(arguments(site="https://two.example"), context(tmp_path))


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """No file of this process may grow beyond `free` bytes: the write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_takes_no_more_keeps_the_old_draft_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    await SaveDraft()(arguments(), context(tmp_path))
    before = (tmp_path / "drafts" / "crm.md").read_bytes()
    with full_disk(64), pytest.raises(ToolError, match=r"drafts/crm\.md cannot be written: File too large") as caught:
        await SaveDraft()(arguments(title="Another"), context(tmp_path))
    assert caught.value.failure_class == "storage" and caught.value.never_sent
    assert files(tmp_path) == ["drafts/crm.md"]
    assert (tmp_path / "drafts" / "crm.md").read_bytes() == before


async def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match="cannot be written") as caught:
        await SaveDraft()(arguments(), context(tmp_path / "file"))
    assert caught.value.failure_class == "storage" and caught.value.never_sent


async def test_a_file_that_is_in_its_place_but_may_not_stay_there_is_no_definite_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("tools.content_folder._sync_folder", broken)
    with pytest.raises(ToolError, match="Input/output error") as caught:
        await SaveDraft()(arguments(), context(tmp_path))
    assert caught.value.failure_class == "storage" and not caught.value.never_sent
    assert files(tmp_path) == ["drafts/crm.md"]
