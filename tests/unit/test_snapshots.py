from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from tools.downloads import PageUnreadable
from tools.snapshots import Snapshots


def write_sample(folder: Path, slug: str, keyword: str, locale: str = "en-US", **extra: Any) -> None:
    (folder / slug / "pages").mkdir(parents=True)
    (folder / slug / "pages" / "01.html").write_text("<p>one</p>")
    results = [
        {"url": "https://a.example/", "title": "A", "page": "pages/01.html"},
        {"url": "https://b.example/", "title": "B", "status": 403},
        {"url": "https://c.example/", "title": "C", "page": "../../secret.html"},
    ]
    document = {"format": "autonomy-serp/1", "keyword": keyword, "locale": locale, "engine": "bundled sample"}
    (folder / slug / "serp.json").write_text(
        json.dumps({**document, "fetched": "2026-10-30", "results": results, **extra})
    )


@pytest.fixture
def samples(tmp_path: Path) -> Snapshots:
    folder = tmp_path / "samples"
    write_sample(folder, "crm", "crm for startups")
    write_sample(folder, "crm-de", "crm für startups", "de-DE")
    (tmp_path / "secret.html").write_text("secret")
    return Snapshots(folder)


async def test_a_sample_answers_for_its_keyword_in_any_spelling(samples: Snapshots) -> None:
    serp = await samples.search(" CRM  for Startups", "en-GB")
    assert serp is not None
    assert (serp.snapshot, serp.keyword, serp.locale) == ("crm", " CRM  for Startups", "en-GB")
    assert serp.label == "bundled sample for this keyword (2026-10-30, fictional sites)"


@pytest.mark.parametrize(
    ("keyword", "locale"), [("crm for startup", "en-US"), ("crm for startups", "de-DE"), ("", "en")]
)
async def test_a_sample_never_answers_for_another(samples: Snapshots, keyword: str, locale: str) -> None:
    assert await samples.search(keyword, locale) is None


def test_bundled_keywords_are_listed(samples: Snapshots) -> None:
    assert samples.keywords() == ["crm for startups", "crm für startups"]


async def test_pages_come_from_the_folder(samples: Snapshots) -> None:
    assert (await samples.download("crm", "https://a.example/")).body == b"<p>one</p>"


@pytest.mark.parametrize(
    ("slug", "url", "says"),
    [
        ("crm", "https://b.example/", "answers 403"),
        ("crm", "https://c.example/", "has no page '../../secret.html'"),
        ("crm", "https://unknown.example/", "has no page"),
        ("gone", "https://a.example/", "bundled sample gone"),
        ("../crm", "https://a.example/", "not a name of a sample"),
    ],
)
async def test_a_page_that_is_not_there_says_why(samples: Snapshots, slug: str, url: str, says: str) -> None:
    with pytest.raises(PageUnreadable, match=says.replace(".", r"\.")):
        await samples.download(slug, url)


async def test_a_broken_sample_is_named(tmp_path: Path) -> None:
    write_sample(tmp_path, "broken", "x", results=[])
    with pytest.raises(BadInput, match="bundled sample broken: it has no results"):
        await Snapshots(tmp_path).search("x", "en-US")
    (tmp_path / "broken" / "serp.json").write_text("[]")
    with pytest.raises(BadInput, match="bundled sample broken"):
        await Snapshots(tmp_path).search("x", "en-US")


async def test_a_missing_folder_has_no_samples(tmp_path: Path) -> None:
    assert Snapshots(tmp_path / "none").keywords() == []
