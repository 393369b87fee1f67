"""`fetch_pages` against real HTTP servers on loopback addresses."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.actions import Ref
from core.errors import ToolError
from core.ports import CallSite, ToolContext
from core.vocabulary import Trust
from tools.addresses import AllowedPrivate
from tools.downloads import Downloader, DownloadLimits, PageUnreadable
from tools.fetch_pages import FetchPages
from tools.snapshots import Snapshots

PARAGRAPH = "A startup outgrows its first tool sooner than it thinks, and then it pays for the second one twice. "
PAGE = f"<html><head><title>Guide</title></head><body><h1>Guide</h1><p>{PARAGRAPH * 3}</p></body></html>"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Texts:
    """The artifact store's twin in memory."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, str, Trust]] = {}

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.held[sha256] = (text, source, trust)
        return Ref(sha256=sha256, media=media, source=source, trust=trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        return {sha256: self.held[sha256][0] for sha256 in sha256s}


class Web(ThreadingHTTPServer):
    """A site whose pages are functions; `seen` are the paths asked for, `hold` what slow pages wait for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.pages: dict[str, Answer] = {"/robots.txt": answering(404)}
        self.seen: list[tuple[str, str]] = []
        self.hold = threading.Event()
        super().__init__(address, Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on an endless page is what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.seen.append((self.headers["Host"], self.path))
        self.server.pages.get(self.path, answering(404))(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def answering(status: int, body: bytes | str = b"", media: str = "text/html", **headers: str) -> Answer:
    data = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", media)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    while True:
        handler.wfile.write(b"<p>more</p>" * 10_000)


def silent(handler: BaseHTTPRequestHandler) -> None:
    server = handler.server
    assert isinstance(server, Web)
    server.hold.wait(30)


def serving(server: Web) -> Iterator[Web]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    yield from serving(Web())


@pytest.fixture
def neighbour(web: Web) -> Iterator[Web]:
    """Another machine, so to speak: the same port on another loopback address."""
    yield from serving(Web(("127.0.0.2", web.port)))


class Names:
    """A resolver that says what a test wants; each list in turn, the last one for ever."""

    def __init__(self, **hosts: list[list[str]]) -> None:
        self.asked: list[str] = []
        self._hosts = {name.replace("_", "."): answers for name, answers in hosts.items()}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._hosts.get(host, [[host]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def fetched(tool: FetchPages, *urls: str, snapshot: str | None = None, at_most: int = 10) -> list[dict[str, Any]]:
    output = await call(tool, Texts(), *urls, snapshot=snapshot, at_most=at_most)
    return list(output.result["pages"])


async def call(
    tool: FetchPages, texts: Texts, *urls: str, snapshot: str | None = None, at_most: int = 10, deadline: float = 60.0
) -> Any:
    results = [{"position": at, "url": url, "title": "T", "snippet": ""} for at, url in enumerate(urls, start=1)]
    serp = {"keyword": "k", "locale": "en-US", "engine": "e", "label": "l", "fetched": "2026-10-30"}
    text = json.dumps({**serp, "snapshot": snapshot, "results": results, "questions": [], "related": []})
    ref = await texts.put("acme", text, "application/json", "", "untrusted")
    site = CallSite(tenant="acme", thread_id="t", task_id="k")
    context = ToolContext(site, {}, {}, texts, deadline=deadline)
    return await tool({"serp_sha256": ref.sha256, "at_most": at_most}, context)


def tool_for(web: Web, **options: Any) -> FetchPages:
    allowed = options.pop("allowed_private", frozenset({f"127.0.0.1:{web.port}"}))
    return FetchPages(Snapshots(Path("/nonexistent")), allowed_private=allowed, **options)


async def reason_beside_a_good_page(web: Web, answer: Answer, **options: Any) -> dict[str, Any]:
    """How the page with this answer is listed, when another page can be read."""
    web.pages["/good"], web.pages["/page"] = answering(200, PAGE), answer
    good, page = await fetched(tool_for(web, **options), web.url("/good"), web.url("/page"))
    assert good["ok"] and not page["ok"] and page["text_sha256"] is None
    return page


async def test_pages_are_read_and_stored_as_untrusted_text(web: Web) -> None:
    web.pages["/a"] = answering(200, PAGE)
    texts = Texts()
    output = await call(tool_for(web), texts, web.url("/a"), web.url("/missing"))
    assert (output.result["read"], output.result["failed"], output.trust) == (1, 1, "untrusted")
    page, missing = output.result["pages"]
    text, source, trust = texts.held[page["text_sha256"]]
    assert (source, trust) == (web.url("/a"), "untrusted")
    assert PARAGRAPH.strip() in text
    assert page == {
        "url": web.url("/a"), "final_url": web.url("/a"), "position": 1, "title": "Guide", "status": 200, "ok": True,
        "reason": "", "text_sha256": page["text_sha256"], "words": len(text.split()),
        "headings": [{"level": 1, "text": "Guide"}],
    }  # fmt: skip
    assert missing == {
        "url": web.url("/missing"), "final_url": web.url("/missing"), "position": 2, "title": "T", "status": 404,
        "ok": False, "reason": "answers 404", "text_sha256": None, "words": 0, "headings": [],
    }  # fmt: skip


async def test_only_the_first_results_asked_for_are_read(web: Web) -> None:
    for path in ("/a", "/b", "/c"):
        web.pages[path] = answering(200, PAGE)
    assert len(await fetched(tool_for(web), *map(web.url, ("/a", "/b", "/c")), at_most=2)) == 2
    assert "/c" not in [path for _, path in web.seen]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answering(403), "answers 403"),
        (answering(500), "answers 500"),
        (answering(200, "%PDF-1.7", "application/pdf"), "not HTML (application/pdf)"),
        (answering(200, b"<html>\x00\x01\x02\xff"), "binary content, not HTML"),
        (answering(200, b"%PDF-1.7 disguised"), "binary content, not HTML"),
        (answering(200, ""), "no text on the page"),
        (answering(200, b"\x00", Content_Encoding="zstd"), "content encoding 'zstd', which we did not ask for"),
        (answering(200, b"not gzip", Content_Encoding="gzip"), "broken compression (Error -3 while"),
        (answering(302, Location="file:///etc/passwd"), "refused: file is not http or https"),
        (answering(302, Location="http://user:secret@127.0.0.1/"), "refused: credentials in the URL"),
        (answering(302, Location="/page"), "more than 5 redirects"),
        (answering(302), "answers 302"),
    ],
)
async def test_a_page_that_cannot_be_read_is_listed_with_the_reason(web: Web, answer: Answer, reason: str) -> None:
    assert str((await reason_beside_a_good_page(web, answer))["reason"]).startswith(reason)


async def test_an_endless_page_is_cut_off(web: Web) -> None:
    assert (await reason_beside_a_good_page(web, endless))["reason"] == "larger than 5 MB"


async def test_a_gzip_bomb_is_cut_off(web: Web) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    assert (await reason_beside_a_good_page(web, answering(200, bomb, Content_Encoding="gzip")))["reason"] == (
        "larger than 5 MB"
    )


async def test_a_gzipped_page_is_read(web: Web) -> None:
    web.pages["/a"] = answering(200, gzip.compress(PAGE.encode()), Content_Encoding="gzip")
    assert (await fetched(tool_for(web), web.url("/a")))[0]["title"] == "Guide"


async def test_a_silent_page_is_given_up(web: Web) -> None:
    page = await reason_beside_a_good_page(web, silent, limits=DownloadLimits(total=1.0))
    assert (page["reason"], page["status"]) == ("no answer in 1 s", 0)


async def test_a_server_that_talks_no_http_is_listed(web: Web) -> None:
    def nonsense(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"220 smtp ready\r\n")

    assert str((await reason_beside_a_good_page(web, nonsense))["reason"]).startswith("broken answer (")


async def test_a_page_that_breaks_off_is_listed(web: Web) -> None:
    def broken(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<p>half")

    page = await reason_beside_a_good_page(web, broken)
    assert str(page["reason"]).startswith("broken answer (") and page["status"] == 200


@pytest.mark.parametrize(
    ("charset", "encoding"), [("iso-8859-1", "latin-1"), ("Shift_JIS", "shift_jis"), ("", "utf-8")]
)
async def test_pages_in_other_encodings_are_read(web: Web, charset: str, encoding: str) -> None:
    words = "Größe für Anfänger und Könner" if encoding == "latin-1" else "顧客管理の選び方、スタートアップ向け"
    media = f"text/html; charset={charset}" if charset else "text/html"
    web.pages["/a"] = answering(200, f"<h1>{words}</h1><p>{words}</p>".encode(encoding), media)
    texts = Texts()
    output = await call(tool_for(web), texts, web.url("/a"))
    assert words in texts.held[output.result["pages"][0]["text_sha256"]][0]


async def test_plain_text_pages_are_read(web: Web) -> None:
    web.pages["/a"] = answering(200, "Just text.", "text/plain; charset=utf-8")
    assert (await fetched(tool_for(web), web.url("/a")))[0]["words"] == 2


async def test_when_nothing_can_be_read_evidence_is_missing(web: Web) -> None:
    with pytest.raises(ToolError, match=r"None of the 2 pages could be read \(2 × answers 404\)") as caught:
        await fetched(tool_for(web), web.url("/a"), web.url("/b"))
    assert caught.value.failure_class == "missing_evidence"


async def test_pages_not_reached_within_the_calls_time_are_listed(web: Web) -> None:
    web.pages["/a"], web.pages["/b"] = answering(200, PAGE), silent
    await fetched(tool_for(web), web.url("/a"))  # loads the libraries, whose time is not what is tested
    output = await call(tool_for(web), Texts(), web.url("/a"), web.url("/b"), deadline=1.5)
    assert [page["reason"] for page in output.result["pages"]] == ["", "not read: the time for the whole call was up"]


# --- addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/page", "http://localhost:{port}/page", "http://2130706433:{port}/page",
        "http://0x7f.1:{port}/page", "http://[::ffff:127.0.0.1]:{port}/page", "http://0:{port}/page",
    ],
)  # fmt: skip
async def test_loopback_is_refused_in_every_spelling(web: Web, url: str) -> None:
    web.pages["/page"] = answering(200, PAGE)
    with pytest.raises(ToolError, match=r"refused: (loopback|unspecified) address"):
        await fetched(tool_for(web, allowed_private=frozenset()), url.format(port=web.port))
    assert web.seen == []


async def test_a_redirect_to_a_private_address_is_refused(web: Web, neighbour: Web) -> None:
    neighbour.pages["/secret"] = answering(200, PAGE)
    page = await reason_beside_a_good_page(web, answering(302, Location=neighbour.url("/secret", "127.0.0.2")))
    assert page["reason"] == "refused: loopback address 127.0.0.2"
    assert neighbour.seen == []


async def test_a_redirect_to_a_name_that_leads_inside_is_refused(web: Web) -> None:
    names = Names(inside_example=[["93.184.216.34", "10.0.0.5"]])
    page = await reason_beside_a_good_page(web, answering(302, Location="http://inside.example/"), resolver=names)
    assert page["reason"] == "refused: private address 10.0.0.5"


async def test_a_good_redirect_is_followed(web: Web) -> None:
    web.pages["/old"], web.pages["/new"] = answering(301, Location="/new"), answering(200, PAGE)
    page = (await fetched(tool_for(web), web.url("/old")))[0]
    assert (page["url"], page["final_url"], page["ok"]) == (web.url("/old"), web.url("/new"), True)


async def test_a_public_host_on_another_port_is_refused(web: Web) -> None:
    names = Names(public_example=[["93.184.216.34"]])
    with pytest.raises(ToolError, match="refused: port 6379, only 80 and 443 are used"):
        await fetched(tool_for(web, resolver=names), "http://public.example:6379/")


async def test_the_connection_goes_to_the_address_that_was_checked(web: Web, neighbour: Web) -> None:
    """DNS rebinding: the name leads to an allowed address when asked, and elsewhere a moment later."""
    web.pages["/page"], neighbour.pages["/page"] = answering(200, PAGE), answering(200, "<p>secret</p>")
    names = Names(rebind_example=[["127.0.0.1"], ["127.0.0.2"]])
    allowed = AllowedPrivate.parse(["127.0.0.1/32"])
    downloader = Downloader(allowed, "test", DownloadLimits(), names)
    found = await downloader.get(f"http://rebind.example:{web.port}/page")
    assert found.body == PAGE.encode() and names.asked == ["rebind.example"]
    assert web.seen == [(f"rebind.example:{web.port}", "/page")] and neighbour.seen == []
    with pytest.raises(PageUnreadable, match=r"refused: loopback address 127\.0\.0\.2"):
        await downloader.get(f"http://rebind.example:{web.port}/page")


async def test_an_address_that_takes_no_connection_is_followed_by_the_next(web: Web) -> None:
    web.pages["/page"] = answering(200, PAGE)
    names = Names(two_example=[["127.0.0.3", "127.0.0.1"]])
    tool = tool_for(web, allowed_private=frozenset({"two.example"}), resolver=names)
    assert (await fetched(tool, f"http://two.example:{web.port}/page"))[0]["ok"]


async def test_a_server_on_ipv6_is_reached_by_its_address() -> None:
    class Web6(Web):
        address_family = socket.AF_INET6

    try:
        server = Web6(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    for web in serving(server):
        web.pages["/page"] = answering(200, PAGE)
        tool = tool_for(web, allowed_private=frozenset({f"[::1]:{web.port}"}))
        assert (await fetched(tool, web.url("/page", "[::1]")))[0]["ok"]
        assert web.seen[-1] == (f"[::1]:{web.port}", "/page")


async def test_a_host_with_letters_beyond_ascii_is_asked_for_in_ascii(web: Web) -> None:
    web.pages["/page"] = answering(200, PAGE)
    names = Names(**{"xn--bcher-kva_example": [["127.0.0.1"]]})
    tool = tool_for(web, allowed_private=frozenset({"127.0.0.1/32"}), resolver=names)
    assert (await fetched(tool, web.url("/page", "bücher.example")))[0]["ok"]
    assert web.seen[-1] == (f"xn--bcher-kva.example:{web.port}", "/page")


async def test_a_closed_port_is_listed(web: Web) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(ToolError, match="no connection"):
            await fetched(tool_for(web, allowed_private=frozenset({"127.0.0.1"})), url)


async def test_a_host_without_an_address_is_listed(web: Web) -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(ToolError, match=r"no address for gone\.example"):
        await fetched(tool_for(web, resolver=nowhere), "http://gone.example/")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for secure.example, signed by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=secure.example"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:secure.example", *files], check=True, capture_output=True)
    return tmp_path


async def test_tls_is_checked_against_the_name_not_the_pinned_address(web: Web, certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    web.socket = server.wrap_socket(web.socket, server_side=True)
    web.pages["/page"] = answering(200, PAGE)
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    names = Names(secure_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    tool = tool_for(web, allowed_private=frozenset({"127.0.0.1/32"}), resolver=names, tls=trust)
    urls = [f"https://{host}:{web.port}/page" for host in ("secure.example", "other.example")]
    secure, other = await fetched(tool, *urls)
    assert secure["ok"] and not other["ok"] and "CERTIFICATE_VERIFY_FAILED" in other["reason"]


# --- robots.txt


async def test_robots_txt_is_asked_once_and_respected(web: Web) -> None:
    web.pages["/robots.txt"] = answering(200, "User-agent: durable-autonomy\nDisallow: /private", "text/plain")
    web.pages["/a"] = web.pages["/private/b"] = answering(200, PAGE)
    pages = await fetched(tool_for(web), web.url("/a"), web.url("/private/b"))
    assert [page["reason"] for page in pages] == ["", "robots.txt disallows"]
    assert sorted(path for _, path in web.seen) == ["/a", "/robots.txt"]


async def test_robots_txt_of_a_redirects_target_is_respected(web: Web) -> None:
    web.pages["/robots.txt"] = answering(200, "User-agent: *\nDisallow: /private")
    page = await reason_beside_a_good_page(web, answering(302, Location="/private"))
    assert page["reason"] == "robots.txt disallows"


@pytest.mark.parametrize(
    ("robots", "reason"),
    [
        (answering(503), "robots.txt: answers 503"),
        (silent, "robots.txt: no answer in 0.5 s"),
        (endless, "robots.txt: larger than 5 MB"),
        (answering(302, Location="/robots.txt"), "robots.txt: more than 5 redirects"),
    ],
)
async def test_a_site_whose_rules_cannot_be_known_is_left_alone(web: Web, robots: Answer, reason: str) -> None:
    web.pages["/robots.txt"], web.pages["/a"] = robots, answering(200, PAGE)
    limits = DownloadLimits(total=1.5) if robots is silent else DownloadLimits()
    with pytest.raises(ToolError, match=reason):
        await fetched(tool_for(web, limits=limits), web.url("/a"))
    assert "/a" not in [path for _, path in web.seen]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429])
async def test_a_site_without_rules_allows_all(web: Web, status: int) -> None:
    web.pages["/robots.txt"], web.pages["/a"] = answering(status), answering(200, PAGE)
    assert (await fetched(tool_for(web), web.url("/a")))[0]["ok"]


async def test_sites_see_who_asks_and_no_cookie_goes_back(web: Web) -> None:
    agents: list[tuple[str, str | None]] = []

    def page(handler: BaseHTTPRequestHandler) -> None:
        agents.append((handler.headers["User-Agent"], handler.headers["Cookie"]))
        answering(200, PAGE, Set_Cookie="id=1")(handler)

    web.pages["/a"] = web.pages["/b"] = page
    await fetched(tool_for(web, contact="https://acme.example/bot"), web.url("/a"), web.url("/b"))
    assert agents == [("durable-autonomy/0.1 (+https://acme.example/bot)", None)] * 2


# --- limits over the whole call, bundled samples


async def test_at_most_four_pages_are_fetched_at_once(web: Web) -> None:
    inside, most, lock = 0, 0, threading.Lock()
    four = threading.Barrier(4)

    def page(handler: BaseHTTPRequestHandler) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        four.wait(20)
        with lock:
            inside -= 1
        answering(200, PAGE)(handler)

    paths = [f"/{number}" for number in range(8)]
    web.pages.update(dict.fromkeys(paths, page))
    pages = await fetched(tool_for(web), *map(web.url, paths))
    assert (most, [page["ok"] for page in pages]) == (4, [True] * 8)


async def test_a_bundled_samples_pages_come_from_its_folder_without_network(tmp_path: Path) -> None:
    (tmp_path / "crm" / "pages").mkdir(parents=True)
    (tmp_path / "crm" / "pages" / "01.html").write_text(PAGE)
    results = [{"url": "https://a.example/", "page": "pages/01.html"}, {"url": "https://b.example/", "status": 403}]
    document = {"format": "autonomy-serp/1", "keyword": "crm", "locale": "en-US", "results": results}
    (tmp_path / "crm" / "serp.json").write_text(json.dumps(document))
    names = Names()
    tool = FetchPages(Snapshots(tmp_path), resolver=names)
    pages = await fetched(tool, "https://a.example/", "https://b.example/", snapshot="crm")
    assert [(page["ok"], page["reason"], page["status"]) for page in pages] == [
        (True, "", 200), (False, "answers 403", 403),
    ]  # fmt: skip
    assert names.asked == []


async def test_a_store_that_fails_is_not_taken_for_an_unreadable_page(web: Web) -> None:
    class Full(Texts):
        async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
            if media == "text/plain":
                raise ToolError("The database did not take the page.", "storage")
            return await super().put(tenant, text, media, source, trust)

    web.pages["/a"] = answering(200, PAGE)
    with pytest.raises(ToolError, match="did not take the page"):
        await call(tool_for(web), Full(), web.url("/a"))


async def test_a_call_that_is_cancelled_ends(web: Web) -> None:
    asked = threading.Event()

    def page(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        silent(handler)

    web.pages["/a"] = page
    running = asyncio.create_task(fetched(tool_for(web), web.url("/a")))
    await asyncio.to_thread(asked.wait, 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
