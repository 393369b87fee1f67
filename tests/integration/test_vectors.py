from __future__ import annotations

from pathlib import Path

from store.vectors import ChromaNovelty


async def test_what_was_remembered_is_near_and_what_was_not_is_new(tmp_path: Path) -> None:
    index = ChromaNovelty(tmp_path / "chroma")
    assert (await index.nearest("acme", "set_intent", "crm for startups")).novelty == 1.0
    assert await index.remember("acme", "set_intent", "t1", "crm for startups") == ""
    assert await index.remember("acme", "set_intent", "t1", "crm for startups") == ""
    same = await index.nearest("acme", "set_intent", "crm for startups")
    assert same.novelty < 0.01 and same.similar == 1 and "lexical" in same.note
    other = await ChromaNovelty(tmp_path / "chroma").nearest("acme", "set_intent", "standing desk price")
    assert other.novelty > 0.5
    assert (await index.nearest("rival", "set_intent", "crm for startups")).similar == 0


async def test_an_index_that_does_not_open_makes_everything_new_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "chroma").write_text("a file where the folder should be")
    index = ChromaNovelty(tmp_path / "chroma")
    reading = await index.nearest("acme", "set_intent", "crm for startups")
    assert reading.novelty == 1.0 and "does not work" in reading.note
    assert "does not work" in await index.remember("acme", "set_intent", "t1", "crm")
    assert "does not work" in index.check()


async def test_a_damaged_index_makes_everything_new_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"this is not a database" * 500)
    reading = await ChromaNovelty(folder).nearest("acme", "set_intent", "crm for startups")
    assert reading.novelty == 1.0 and "does not work" in reading.note
