"""`search_serp` and its sources, against real HTTP servers and real files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.actions import Ref
from core.errors import BadInput, ToolError
from core.ports import CallSite, ToolContext
from core.vocabulary import Trust
from tools.duckduckgo import DuckDuckGo
from tools.search_serp import ProviderSilent, SearchSerp, SerpProvider
from tools.serp_file import SerpFile
from tools.serper import Serper
from tools.snapshots import Snapshots

KEYWORD, LOCALE = "crm for startups", "en-US"
SERPER = {
    "searchParameters": {"q": KEYWORD},
    "organic": [{"title": "A", "link": "https://a.example/", "snippet": "s", "position": 1}],
    "peopleAlsoAsk": [{"question": "Why?"}],
    "relatedSearches": [{"query": "free crm"}],
}
DUCKDUCKGO = """<html><body><div class="links_main result__body"><h2>A CRM for startups</h2>
<a href="https://a.example/">crm for startups, explained</a></div>
<div class="result__body"><h2>Ad</h2><a href="https://duckduckgo.com/y.js?ad=1">ad</a></div></body></html>"""


class Provider(ThreadingHTTPServer):
    """A search service that gives one answer and remembers the requests."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.status, self.body, self.retry_after = 200, "", ""
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.hold: threading.Event | None = None
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append((self.path, dict(self.headers), body))
        if self.server.hold is not None:
            self.server.hold.wait(30)
            return
        self.send_response(self.server.status)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(self.server.body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Provider]:
    server = Provider()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    if server.hold is not None:
        server.hold.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def samples(tmp_path: Path) -> Snapshots:
    folder = tmp_path / "samples" / "crm-for-startups"
    folder.mkdir(parents=True)
    results = [{"url": "https://sample.example/", "title": "S", "snippet": "", "page": "pages/01.html"}]
    document = {"format": "autonomy-serp/1", "keyword": KEYWORD, "locale": LOCALE, "engine": "bundled sample"}
    (folder / "serp.json").write_text(json.dumps({**document, "fetched": "2026-10-30", "results": results}))
    return Snapshots(tmp_path / "samples")


# --- Serper


async def test_serper_is_asked_in_the_locales_language_and_country(service: Provider) -> None:
    service.body = json.dumps(SERPER)
    serp = await Serper("the-key", service.url).search(KEYWORD, "de-AT")
    path, headers, body = service.requests[0]
    assert (path, headers["X-API-KEY"]) == ("/search", "the-key")
    assert json.loads(body) == {"q": KEYWORD, "hl": "de", "gl": "at", "num": 10}
    assert serp is not None and (serp.engine, serp.label) == ("google", "Google through Serper")
    assert (serp.questions, serp.related, serp.snapshot) == (("Why?",), ("free crm",), None)


async def test_serper_without_findings_lets_the_next_source_answer(service: Provider) -> None:
    service.body = json.dumps({**SERPER, "organic": []})
    assert await Serper("k", service.url).search(KEYWORD, LOCALE) is None


@pytest.mark.parametrize(
    ("status", "body", "failure_class", "says"),
    [
        (429, "", "transient", "answers 429"),
        (500, "oops", "transient", "answers 500"),
        (503, "", "transient", "answers 503"),
        (401, "", "tool_refused", "the key was refused: check SERPER_API_KEY"),
        (403, '{"message":"Unauthorized."}', "tool_refused", "the key was refused: check SERPER_API_KEY"),
        (400, '{"message":"Not enough credits"}', "tool_refused", "Not enough credits"),
        (200, "<html>", "tool_drift", "not JSON"),
        (200, "[]", "tool_drift", "no list of organic results"),
        (200, '{"results": []}', "tool_drift", "no list of organic results"),
        (200, '{"organic": [{"href": "https://a.example"}]}', "tool_drift", "result 1 has no http(s) URL"),
    ],
)
async def test_serpers_failures_are_classified(
    service: Provider, status: int, body: str, failure_class: str, says: str
) -> None:
    service.status, service.body = status, body
    with pytest.raises(ToolError) as caught:
        await Serper("secret-key", service.url).search(KEYWORD, LOCALE)
    assert caught.value.failure_class == failure_class and says in str(caught.value)
    assert "secret-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("999999", 3600.0)]
)
async def test_serpers_wish_to_wait_is_passed_on(service: Provider, header: str, seconds: float | None) -> None:
    service.status, service.retry_after = 429, header
    with pytest.raises(ToolError) as caught:
        await Serper("k", service.url).search(KEYWORD, LOCALE)
    assert caught.value.retry_after == seconds


async def test_a_silent_serper_is_transient(service: Provider) -> None:
    service.hold = threading.Event()
    with pytest.raises(ToolError, match="does not answer") as caught:
        await Serper("k", service.url, timeout=0.2).search(KEYWORD, LOCALE)
    assert caught.value.failure_class == "transient"


async def test_serper_out_of_reach_is_transient(service: Provider) -> None:
    service.shutdown()
    service.server_close()
    with pytest.raises(ToolError, match="does not answer") as caught:
        await Serper("k", service.url).search(KEYWORD, LOCALE)
    assert caught.value.failure_class == "transient"


# --- ddgs


@pytest.fixture
def duckduckgo(service: Provider, monkeypatch: pytest.MonkeyPatch) -> DuckDuckGo:
    """The real library, its DuckDuckGo engine pointed at a local server."""
    from ddgs.engines.duckduckgo import Duckduckgo

    monkeypatch.setattr(Duckduckgo, "search_url", f"{service.url}/html/")
    return DuckDuckGo()


async def test_duckduckgos_results_are_labelled_not_google(service: Provider, duckduckgo: DuckDuckGo) -> None:
    service.body = DUCKDUCKGO
    serp = await duckduckgo.search(KEYWORD, "en-GB")
    assert serp is not None and "not Google" in serp.label and "not Google" in serp.engine
    assert [result.url for result in serp.results] == ["https://a.example/"]
    assert "l=uk-en" in service.requests[0][2]


@pytest.mark.parametrize("status", [403, 500])
async def test_duckduckgo_that_gives_nothing_lets_the_samples_answer(
    service: Provider, duckduckgo: DuckDuckGo, samples: Snapshots, status: int
) -> None:
    service.status = status
    serp = await SearchSerp([duckduckgo], samples).resolve(KEYWORD, LOCALE)
    assert serp.snapshot == "crm-for-startups" and "duckduckgo (not Google) has no results" in serp.label


async def test_a_silent_duckduckgo_falls_through_with_a_note(
    service: Provider, monkeypatch: pytest.MonkeyPatch, samples: Snapshots
) -> None:
    from ddgs.engines.duckduckgo import Duckduckgo

    monkeypatch.setattr(Duckduckgo, "search_url", f"{service.url}/html/")
    service.hold = threading.Event()
    serp = await SearchSerp([DuckDuckGo(timeout=1)], samples).resolve(KEYWORD, LOCALE)
    assert serp.label.startswith("bundled sample for this keyword (2026-10-30, fictional sites); duckduckgo ")


async def test_duckduckgo_out_of_reach_is_silent(service: Provider, duckduckgo: DuckDuckGo) -> None:
    service.shutdown()
    service.server_close()
    with pytest.raises(ProviderSilent, match="duckduckgo could not be asked"):
        await duckduckgo.search(KEYWORD, LOCALE)


@pytest.mark.parametrize("engine", ["google", "auto", "all", "duckduckgo,google"])
def test_an_engine_that_would_not_stay_pinned_is_refused(engine: str) -> None:
    with pytest.raises(BadInput, match="would not stay pinned"):
        DuckDuckGo(engine)


async def test_an_engine_that_ddgs_has_dropped_never_becomes_another() -> None:
    with pytest.raises(ProviderSilent, match="no engine altavista"):
        await DuckDuckGo("altavista").search(KEYWORD, LOCALE)


# --- files


async def test_a_serp_file_is_used_and_named(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(SERPER).encode())
    serp = await SerpFile(path).search(KEYWORD, LOCALE)
    assert serp is not None and serp.label == "file results.json (Google through Serper)"
    assert len(serp.fetched) == 10


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"\x89PNG\r\n", "not UTF-8"),
        (b" " * 5_000_001, "at most 5 MB"),
        (b'{"organic": []}', "it has no results"),
        (json.dumps({**SERPER, "searchParameters": {"q": "other"}}).encode(), "the file is for 'other'"),
    ],
)
async def test_a_bad_serp_file_is_refused_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        await SerpFile(path).search(KEYWORD, LOCALE)
    message = str(caught.value)
    assert message.startswith(f"SERP file {path}: ") and says in message and "\n" not in message


async def test_a_missing_serp_file_a_folder_and_an_endless_file_are_refused(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory"), (Path("/dev/zero"), "5 MB")):
        with pytest.raises(BadInput, match=says):
            await SerpFile(path).search(KEYWORD, LOCALE)


# --- the order


async def test_a_file_comes_before_a_key_and_a_key_before_the_samples(
    service: Provider, samples: Snapshots, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(SERPER))
    service.body = json.dumps(SERPER)
    sources: list[SerpProvider] = [SerpFile(path), Serper("k", service.url)]
    assert (await SearchSerp(sources, samples).resolve(KEYWORD, LOCALE)).label.startswith("file results.json")
    assert (await SearchSerp(sources[1:], samples).resolve(KEYWORD, LOCALE)).label == "Google through Serper"
    assert (await SearchSerp([], samples).resolve(KEYWORD, LOCALE)).snapshot == "crm-for-startups"


async def test_a_refused_key_is_not_papered_over_by_a_sample(service: Provider, samples: Snapshots) -> None:
    service.status = 401
    with pytest.raises(ToolError, match="check SERPER_API_KEY"):
        await SearchSerp([Serper("k", service.url)], samples).resolve(KEYWORD, LOCALE)


@pytest.mark.parametrize(("keyword", "locale"), [("crm", LOCALE), (KEYWORD, "de-DE")])
async def test_an_unknown_keyword_gets_no_other_ones_results(samples: Snapshots, keyword: str, locale: str) -> None:
    with pytest.raises(BadInput) as caught:
        await SearchSerp([], samples).resolve(keyword, locale)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    for named in (repr(keyword), '"crm for startups"', "SERPER_API_KEY", "--serp FILE", "AUTONOMY_DDGS=on"):
        assert named in message


# --- the tool


class Texts:
    """The artifact store's twin in memory."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.held[sha256] = text
        return Ref(sha256=sha256, media=media, source=source, trust=trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        return {sha256: self.held[sha256] for sha256 in sha256s}


def context(texts: Texts, **task: Any) -> ToolContext:
    return ToolContext(CallSite("acme", "thread", "task"), task, {}, texts, deadline=10.0)


ARGUMENTS = {"keyword": KEYWORD, "locale": LOCALE}


async def test_the_tool_answers_with_untrusted_results(samples: Snapshots) -> None:
    output = await SearchSerp([], samples)(ARGUMENTS, context(Texts()))
    assert (output.trust, output.source) == ("untrusted", output.result["label"])
    assert output.result["results"] == [{"position": 1, "url": "https://sample.example/", "title": "S", "snippet": ""}]


async def test_results_put_in_place_before_the_start_are_the_ones_used(samples: Snapshots) -> None:
    texts = Texts()
    serp = await SearchSerp([], samples).resolve(KEYWORD, LOCALE)
    ref = await texts.put("acme", json.dumps(serp.to_json()), "application/json", serp.label, "untrusted")
    nothing = SearchSerp([], Snapshots(Path("/nonexistent")))
    output = await nothing(ARGUMENTS, context(texts, serp=ref.to_json()))
    assert output.result == serp.to_json()
    with pytest.raises(ToolError, match="are for 'crm for startups', not for 'other'"):
        await nothing({**ARGUMENTS, "keyword": "other"}, context(texts, serp=ref.to_json()))


async def test_stored_results_that_cannot_be_read_are_drift(samples: Snapshots) -> None:
    texts = Texts()
    ref = await texts.put("acme", '{"keyword": 1}', "application/json", "", "untrusted")
    with pytest.raises(ToolError, match="cannot be read") as caught:
        await SearchSerp([], samples)(ARGUMENTS, context(texts, serp=ref.to_json()))
    assert caught.value.failure_class == "tool_drift"


async def test_inside_a_thread_missing_results_are_missing_evidence(samples: Snapshots) -> None:
    with pytest.raises(ToolError) as caught:
        await SearchSerp([], samples)({**ARGUMENTS, "keyword": "other"}, context(Texts()))
    assert caught.value.failure_class == "missing_evidence"
