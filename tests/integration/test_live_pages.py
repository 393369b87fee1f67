"""A results file of ten pages served over real HTTP: what is read there is what the brief says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.application import answered, events, opened, started, waiting

SAMPLE = Path(str(resources.files("domains.seo").joinpath("samples/what-is-churn-rate")))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SAMPLE / "pages")))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def serp(site: str, tmp_path: Path) -> Path:
    """Ten results in SerpAPI's shape."""
    results = json.loads((SAMPLE / "serp.json").read_text())["results"]
    organic = [
        {
            **{name: row[name] for name in ("position", "title", "snippet")},
            "link": f"http://{site}/{row['position']:02}.html",
        }
        for row in results
    ]
    path = tmp_path / "serp.json"
    path.write_text(json.dumps({"search_parameters": {"q": "meaning of churn"}, "organic_results": organic}))
    return path


async def test_the_brief_has_intent_outline_and_citations_from_the_pages(
    database_url: str, home: Path, site: str, serp: Path
) -> None:
    async with opened(database_url, home, AUTONOMY_ALLOWED_PRIVATE_HOSTS=site) as app:
        thread_id = await started(app, "meaning of churn", serp=serp)
        assert (await waiting(app, thread_id))["task_type"] == "set_intent"
        brief = (home / "content/tallyho/meaning-of-churn/brief.md").read_text()
        assert "10 of 10 pages read" in brief
        assert brief.count(f"(http://{site}/") >= 10
        assert "suggested" in brief and "informational" in brief
        for _ in range(3):
            await answered(app, thread_id)
        assert (await waiting(app, thread_id))["task_type"] == "save_draft"
    quoted = [line[2:].rpartition(" [")[0] for line in brief.splitlines() if line.startswith("> ")]
    pages = " ".join(path.read_text() for path in sorted((SAMPLE / "pages").glob("*.html")))
    plain = " ".join(pages.split())
    verbatim = [quote for quote in quoted if quote in plain]
    assert len(quoted) >= 5 and len(verbatim) >= len(quoted) * 0.6  # the rest differs by inline markup or entities


async def test_private_addresses_are_refused_unless_listed_and_a_person_is_told(
    database_url: str, home: Path, site: str, serp: Path
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app, "meaning of churn", serp=serp)
        review = await waiting(app, thread_id)
        assert review["kind"] == "blocker"
        assert review["request"]["failure_class"] == "missing_evidence"
        assert "loopback" in review["request"]["why"][0] or "private" in review["request"]["why"][0]
        [failure] = await events(app, thread_id, "failure")
        assert failure["class"] == "missing_evidence"
        await answered(app, thread_id, "respond", message="abandon")
        assert (await app.threads.find(thread_id))["ending"]["status"] == "stopped"


async def test_results_for_another_keyword_are_refused(database_url: str, home: Path, serp: Path) -> None:
    async with opened(database_url, home) as app:
        with pytest.raises(Exception, match="the file is for 'meaning of churn'"):
            await started(app, "crm for startups", serp=serp)
        assert await app.threads.newest(None, 5) == []
