"""Search results as text, in any of the three shapes we understand, and as one frozen value.

Shapes: our own (`"format": "autonomy-serp/1"`), SerpAPI's Google answer (serpapi.com/search-api) and Serper's
(serper.dev). Pure: bytes and text in, a `Serp` or BadInput out.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urldefrag, urlsplit

from core.actions import Value
from core.canonical import storable
from core.errors import BadInput

FORMAT: Final = "autonomy-serp/1"
MAX_BYTES: Final = 5_000_000
MAX_RESULTS: Final = 20
_MAX_LIST: Final = 50
_MAX_TITLE, _MAX_SNIPPET, _MAX_URL = 500, 2_000, 2_048

Json = Mapping[str, Any]


class SerpResult(Value):
    """One organic result; `position` counts from 1."""

    position: int
    url: str
    title: str
    snippet: str


class Serp(Value):
    """The results page of one keyword. `fetched` is an ISO date, "" when nobody knows."""

    keyword: str
    locale: str
    engine: str
    label: str
    fetched: str
    snapshot: str | None = None
    """Folder of the bundled sample whose pages belong to these results; only tools/snapshots.py sets it."""
    results: tuple[SerpResult, ...]
    questions: tuple[str, ...] = ()
    related: tuple[str, ...] = ()


def normalised_keyword(keyword: str) -> str:
    """The form in which two spellings of one keyword are equal: NFKC, case folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", keyword).casefold().split())


def language(locale: str) -> str:
    """`en` of `en-US`."""
    return locale.replace("_", "-").split("-")[0].lower()


def region(locale: str) -> str:
    """`us` of `en-US`; "" when the locale names none."""
    last = locale.replace("_", "-").split("-")[-1]
    return last.lower() if len(last) == 2 and "-" in locale.replace("_", "-") else ""


def serp_text(data: bytes) -> str:
    """The text of a SERP file. Raises BadInput when it is larger than 5 MB or not UTF-8 (a byte order mark is fine)."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"it has {len(data) / 1e6:.1f} MB; search results have at most 5 MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"it is not UTF-8 (byte {error.start}); save it as UTF-8") from None


def parse_serp(text: str, keyword: str, locale: str, *, fetched: str = "") -> Serp:
    """The `Serp` in `text`, whichever shape it has. `fetched` is used when the text names no date.

    A `snapshot` in the text is ignored: text from outside can't point into the bundled samples. Raises BadInput.
    """
    document = _json_object(text)
    raw = _recognised(document)
    _check_keyword(raw["keyword"], keyword)
    _check_language(raw["locale"], locale)
    results = _results(raw["results"])
    return Serp(
        keyword=keyword,
        locale=locale,
        engine=_line(raw["engine"], 100) or "unknown",
        label=_line(raw["label"], 200),
        fetched=_iso_date(raw["fetched"]) or fetched,
        results=results,
        questions=_lines(raw["questions"]),
        related=_lines(raw["related"]),
    )


def _json_object(text: str) -> Json:
    if len(text) > MAX_BYTES:
        raise BadInput(f"it has {len(text) / 1e6:.1f} million characters; search results have at most 5 MB")
    try:
        document = storable(json.loads(text.removeprefix("\ufeff")))
    except json.JSONDecodeError as error:
        raise BadInput(f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"it is not usable JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadInput(f"it holds a JSON {type(document).__name__}, not an object; {_EXPECTED}")
    return document


_EXPECTED: Final = (
    f'expected "format": "{FORMAT}" with "results", or SerpAPI\'s "organic_results", or Serper\'s "organic"'
)


def _recognised(document: Json) -> Json:
    """The document's fields under our names, unchecked."""
    if "format" in document:
        return _ours(document)
    if "organic_results" in document or {"search_metadata", "search_parameters"} <= document.keys():
        return _from_serpapi(document)
    if "organic" in document or "searchParameters" in document:
        return _from_serper(document)
    found = ", ".join(sorted(document)[:6]) or "nothing"
    raise BadInput(f"its shape is unknown: {_EXPECTED}; found {found[:200]}")


def _ours(document: Json) -> Json:
    if document["format"] != FORMAT:
        raise BadInput(f'its format is {str(document["format"])[:40]!r}; this release reads "{FORMAT}"')
    fields = ("keyword", "locale", "engine", "label", "fetched", "results", "questions", "related")
    return {name: document.get(name) for name in fields}


def _from_serpapi(document: Json) -> Json:
    asked, about = _object(document.get("search_parameters")), _object(document.get("search_metadata"))
    return {
        "keyword": asked.get("q"),
        "locale": None,
        "engine": asked.get("engine") or "google",
        "label": "Google through SerpAPI",
        "fetched": about.get("created_at"),
        "results": document.get("organic_results"),
        "questions": _column(document.get("related_questions"), "question"),
        "related": _column(document.get("related_searches"), "query"),
    }


def _from_serper(document: Json) -> Json:
    asked = _object(document.get("searchParameters"))
    return {
        "keyword": asked.get("q"),
        "locale": None,
        "engine": "google",
        "label": "Google through Serper",
        "fetched": None,
        "results": document.get("organic"),
        "questions": _column(document.get("peopleAlsoAsk"), "question"),
        "related": _column(document.get("relatedSearches"), "query"),
    }


def _check_keyword(named: object, asked: str) -> None:
    if isinstance(named, str) and named.strip() and normalised_keyword(named) != normalised_keyword(asked):
        raise BadInput(f"the file is for {_line(named, 100)!r}, you asked for {_line(asked, 100)!r}")


def _check_language(named: object, asked: str) -> None:
    if isinstance(named, str) and named.strip() and language(named) != language(asked):
        raise BadInput(f"the file is for locale {_line(named, 20)!r}, you asked for {asked!r}")


def _results(raw: object) -> tuple[SerpResult, ...]:
    if not isinstance(raw, list) or not raw:
        raise BadInput("it has no results")
    found: dict[str, SerpResult] = {}
    for number, item in enumerate(raw, start=1):
        result = _result(number, item)
        found.setdefault(urldefrag(result.url).url, result)
    return _positioned(list(found.values()))[:MAX_RESULTS]


def _result(number: int, item: object) -> SerpResult:
    """Result `number` of the file; position 0 when it names none."""
    fields = _object(item)
    url = fields.get("url") or fields.get("link")
    if not isinstance(url, str) or not _is_http(url.strip()):
        raise BadInput(f"result {number} has no http(s) URL")
    position = fields.get("position")
    return SerpResult(
        position=position if type(position) is int and 0 < position < 1_000 else 0,
        url=url.strip(),
        title=_line(fields.get("title"), _MAX_TITLE),
        snippet=_line(fields.get("snippet"), _MAX_SNIPPET),
    )


def _positioned(results: list[SerpResult]) -> tuple[SerpResult, ...]:
    """In order of position; numbered anew when a position is missing or given twice."""
    positions = [result.position for result in results]
    if 0 in positions or len(set(positions)) < len(positions):
        return tuple(result.model_copy(update={"position": at}) for at, result in enumerate(results, start=1))
    return tuple(sorted(results, key=lambda result: result.position))


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= _MAX_URL and url.isprintable()
    except ValueError:
        return False


def _iso_date(value: object) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _column(rows: object, name: str) -> list[Any]:
    return [_object(row).get(name) for row in rows] if isinstance(rows, list) else []


def _lines(values: object) -> tuple[str, ...]:
    """The distinct non-empty texts among `values`, in order."""
    texts = [_line(value, _MAX_TITLE) for value in values] if isinstance(values, list) else []
    return tuple(dict.fromkeys(text for text in texts if text))[:_MAX_LIST]


def _line(value: object, length: int) -> str:
    """A text on one line without control characters; "" for anything that is not text."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())[:length]
