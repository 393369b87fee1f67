"""Whoever logs in decides under their verified address; nobody who is not listed comes in; of two, one decides."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from authlib.jose import JsonWebKey, jwt
from playwright.sync_api import Browser, Page, expect

from cli.console_page import command, secrets_file
from tests.browser.conftest import Console, environment, free_port, until_healthy
from tests.integration.application import settings

pytestmark = pytest.mark.browser


class Provider:
    """An OpenID provider that lets everybody in, as whoever `email` says."""

    def __init__(self) -> None:
        self.email = "dana@acme.example"
        self.key = JsonWebKey.generate_key("RSA", 2048, {"kid": "k"}, is_private=True)
        self.nonces: dict[str, str] = {}
        self.logged_in: dict[str, Any] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                if asked.path == "/authorize":
                    given = {name: values[0] for name, values in parse_qs(asked.query).items()}
                    provider.nonces["code"] = given.get("nonce", "")
                    self.send_response(302)
                    back = urlencode({"code": "code", "state": given["state"]})
                    self.send_header("Location", f"{given['redirect_uri']}?{back}")
                    self.end_headers()
                    return
                self.answer(provider.keys() if asked.path == "/keys" else provider.metadata())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                token = {"access_token": "a", "token_type": "Bearer", "expires_in": 3600, "id_token": provider.token()}
                self.answer(token)

            def answer(self, said: dict[str, Any]) -> None:
                body = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(is_private=False)]}

    def token(self) -> str:
        claims = {"iss": self.url, "aud": "console", "sub": "1", "iat": int(time.time()), "exp": int(time.time()) + 600}
        claims |= {"email": self.email, "email_verified": True, "nonce": self.nonces["code"]}
        signed: bytes = jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key)
        return signed.decode()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def console_with_login(served: Console, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second console on the same database, where people log in."""
    port, place = free_port(), tmp_path_factory.mktemp("login")
    url = f"http://localhost:{port}"
    given = {
        "AUTONOMY_OIDC_METADATA_URL": f"{provider.url}/.well-known/openid-configuration",
        "AUTONOMY_OIDC_CLIENT_ID": "console",
        "AUTONOMY_OIDC_CLIENT_SECRET": "s3cret",
        "AUTONOMY_OIDC_ALLOWED": "@acme.example",
        "AUTONOMY_CONSOLE_URL": url,
    }
    with (
        secrets_file(settings(served.database_url, served.home, **given)) as login,
        (place / "log").open("wb") as log,
    ):
        assert login is not None and login.stat().st_mode & 0o077 == 0
        arguments = command(port, login=login)
        assert "s3cret" not in " ".join(arguments)
        process = subprocess.Popen(arguments, cwd=place, env=environment(served) | given, stdout=log, stderr=log)
        try:
            until_healthy(url, process, place / "log")
            yield url
        finally:
            process.terminate()
            process.wait(10)
    assert not login.exists()


@contextmanager
def browsing(browser: Browser, url: str, address: str, **given: Any) -> Iterator[Page]:
    """A browser of somebody's own."""
    context = browser.new_context(base_url=url, **given)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    yield page
    context.close()


@contextmanager
def somebody(browser: Browser, url: str, provider: Provider, email: str, address: str) -> Iterator[Page]:
    """The browser of somebody who has logged in, which takes its seconds only once."""
    if email not in provider.logged_in:
        with browsing(browser, url, "/") as page:
            log_in(page, provider, email, email)
            provider.logged_in[email] = page.context.storage_state()
    with browsing(browser, url, address, storage_state=provider.logged_in[email]) as page:
        yield page


def log_in(page: Page, provider: Provider, email: str, said: str) -> None:
    """As `email`; `said` is on the page then."""
    provider.email = email
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text(said).first).to_be_visible(timeout=30_000)


def test_whoever_logs_in_decides_under_their_verified_address(
    browser: Browser, console: Console, console_with_login: str, provider: Provider
) -> None:
    review = console.waiting()
    address = f"/review?id=r-{review['number']}"
    with browsing(browser, console_with_login, address) as page:
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=30_000)
        assert "set_intent" not in page.locator("body").inner_text()
        log_in(page, provider, "mallory@evil.example", "mallory@evil.example is not let in here.")
        assert "set_intent" not in page.locator("body").inner_text()
        page.get_by_role("button", name="Log out").click()
        log_in(page, provider, "dana@acme.example", "dana@acme.example")
        provider.logged_in["dana@acme.example"] = page.context.storage_state()
        page.goto(address)
        expect(page.get_by_text("claimed by you")).to_be_visible(timeout=30_000)
        page.get_by_role("button", name="Approve Shortcut A").click()
        expect(page.get_by_text("Decided: approve, by dana@acme.example,")).to_be_visible(timeout=30_000)
    row = console.review(review["number"])
    assert (row["decided_by"], row["verified"]) == ("dana@acme.example", True)


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told_who(
    browser: Browser, console: Console, console_with_login: str, provider: Provider
) -> None:
    review = console.waiting()
    number, address = review["number"], f"/review?id=r-{review['number']}"
    approve = "Approve Shortcut A"
    with (
        somebody(browser, console_with_login, provider, "dana@acme.example", address) as dana,
        somebody(browser, console_with_login, provider, "lee@acme.example", "/") as lee,
    ):
        expect(dana.get_by_text("claimed by you")).to_be_visible(timeout=30_000)
        lee.goto(address)
        expect(lee.get_by_text(re.compile(r"dana@acme.example has it, \d+:\d\d left"))).to_be_visible(timeout=30_000)
        expect(lee.get_by_role("button", name=approve)).to_have_count(0)
        lee.get_by_role("button", name="Decide it instead of dana@acme.example").click()
        expect(lee.get_by_text("claimed by you")).to_be_visible()
        expect(dana.get_by_text("lee@acme.example has it")).to_be_visible()
        for page in (dana, lee):
            page.get_by_role("button", name=approve).click(no_wait_after=True)
        for page in (dana, lee):
            expect(page.get_by_text(re.compile("Decided: approve, by (dana|lee)@acme.example,"))).to_be_visible()
        winner = console.review(number)["decided_by"]
        pages = {"dana@acme.example": dana, "lee@acme.example": lee}
        told = f"Review r-{number} was already decided: approve, by {winner}"
        expect(pages.pop(winner).get_by_role("alert")).to_have_count(0)
        [loser] = pages.values()
        expect(loser.get_by_role("alert").filter(has_text=told)).to_be_visible()
    assert len(console.execute("select 1 from outcome where review = %(n)s", n=number)) == 1


def test_nobody_is_offered_a_decision_on_what_they_asked_for_themselves(
    browser: Browser, console: Console, console_with_login: str, provider: Provider
) -> None:
    review = console.waiting()
    console.execute("update thread set requester = 'dana@acme.example' where id = %(id)s", id=review["thread_id"])
    console.execute("insert into role (person, tenant, role, set_by) values ('dana@acme.example', '*', 'admin', 'lee')")
    try:
        address = f"/review?id=r-{review['number']}"
        with somebody(browser, console_with_login, provider, "dana@acme.example", address) as page:
            said = "dana@acme.example started this thread and cannot decide on it; someone else has to."
            expect(page.get_by_text(said)).to_be_visible(timeout=30_000)
            expect(page.get_by_role("button", name=re.compile("^(Approve|Edit|Reject)"))).to_have_count(0)
            page.get_by_role("button", name="Ask someone Shortcut M").click()
            page.get_by_label("Who is to decide?").fill("lee@acme.example")
            page.get_by_role("button", name="Ask them").click()
            expect(page.get_by_text("asked of lee@acme.example")).to_be_visible()
    finally:
        console.execute("delete from role")
    assert console.review(review["number"])["assignee"] == "lee@acme.example"
