from __future__ import annotations

import pytest

from tools.robots import rules


@pytest.mark.parametrize(
    ("robots_txt", "path", "reason"),
    [
        ("", "/a", ""),
        ("User-agent: *\nDisallow:", "/a", ""),
        ("User-agent: *\nDisallow: /", "/a", "robots.txt disallows"),
        ("User-agent: *\nDisallow: /private", "/a", ""),
        ("User-agent: *\nDisallow: /private", "/private/a", "robots.txt disallows"),
        ("User-agent: *\nDisallow: /\n\nUser-agent: durable-autonomy\nAllow: /", "/a", ""),
        ("User-agent: durable-autonomy\nDisallow: /", "/a", "robots.txt disallows"),
        ("User-agent: other\nDisallow: /", "/a", ""),
        ("<html>not robots</html>", "/a", ""),
    ],
)
def test_robots_rules_hold_for_us(robots_txt: str, path: str, reason: str) -> None:
    assert rules(robots_txt, "durable-autonomy")(f"https://a.example{path}") == reason
