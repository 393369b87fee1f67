from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from core.errors import ToolError
from tools.embeddings import HttpEmbedder


def answered(monkeypatch: pytest.MonkeyPatch, **answer: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    def post(url: str, **request: Any) -> httpx.Response:
        sent.append({"url": url, **request})
        return httpx.Response(**{"status_code": 200, **answer})

    monkeypatch.setattr(httpx, "post", post)
    return sent


def test_a_text_is_asked_about_and_the_key_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = answered(monkeypatch, json={"data": [{"embedding": [1, 0.5]}]})
    assert HttpEmbedder("http://h/v1/", "m", SecretStr("sk-1")).embed("x" * 10_000) == [1.0, 0.5]
    assert sent[0]["url"] == "http://h/v1/embeddings" and sent[0]["headers"] == {"Authorization": "Bearer sk-1"}
    assert len(sent[0]["json"]["input"]) == 8_000


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"status_code": 503}, "transient"),
        ({"status_code": 401}, "tool_refused"),
        ({"text": "<html>"}, "tool_drift"),
        ({"json": {"data": []}}, "tool_drift"),
        ({"json": {"data": [{"embedding": []}]}}, "tool_drift"),
        ({"json": {"data": [{"embedding": ["a"]}]}}, "tool_drift"),
        ({"text": '{"data": [{"embedding": [NaN]}]}'}, "tool_drift"),
    ],
)
def test_what_is_no_vector_is_an_error_of_its_class(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], failure: str
) -> None:
    answered(monkeypatch, **answer)
    with pytest.raises(ToolError) as raised:
        HttpEmbedder("http://h/v1", "m", None).embed("text")
    assert raised.value.failure_class == failure
