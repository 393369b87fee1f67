"""Bundled samples: search results and their pages, written by us about fictional sites.

A folder per sample: `<slug>/serp.json` in our own shape, whose results name a file (`"page": "pages/01.html"`) or the
status the site would answer with (`"status": 403`).
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.errors import BadInput
from tools.downloads import Download, PageUnreadable
from tools.serp_shapes import Serp, language, normalised_keyword, parse_serp, serp_text

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")


class _Sample(NamedTuple):
    slug: str
    serp: Serp
    entries: dict[str, dict[str, Any]]
    """URL -> the result as written, with its page or status."""


class Snapshots:
    """The samples in `folder`. A sample is used for exactly its own keyword and language."""

    name = "bundled samples"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keywords(self) -> list[str]:
        """The keywords that have a sample, sorted. Raises BadInput naming a sample that cannot be read."""
        return sorted({sample.serp.keyword for sample in self._samples()})

    async def search(self, keyword: str, locale: str) -> Serp | None:
        """The sample's results, or None. Raises BadInput naming a sample that cannot be read."""
        wanted = (normalised_keyword(keyword), language(locale))
        for sample in await asyncio.to_thread(self._samples):
            if (normalised_keyword(sample.serp.keyword), language(sample.serp.locale)) == wanted:
                return _relabelled(sample, keyword, locale)
        return None

    async def download(self, slug: str, url: str) -> Download:
        """The sample's page at `url`. Raises PageUnreadable where the sample has none."""
        return await asyncio.to_thread(self._download, slug, url)

    def _download(self, slug: str, url: str) -> Download:
        try:
            sample = self._sample(slug)
        except BadInput as error:
            raise PageUnreadable(str(error)) from None
        entry = sample.entries.get(url, {})
        status = entry.get("status", 200)
        if status != 200:
            raise PageUnreadable(f"answers {status}", status)
        return Download(url, 200, "text/html", "", self._page(slug, str(entry.get("page", ""))))

    def _page(self, slug: str, name: str) -> bytes:
        home = (self._folder / slug).resolve()
        path = (home / name).resolve()
        if not path.is_relative_to(home) or not path.is_file():
            raise PageUnreadable(f"the bundled sample {slug} has no page {name!r}")
        return path.read_bytes()

    def _samples(self) -> list[_Sample]:
        return [self._sample(path.parent.name) for path in sorted(self._folder.glob("*/serp.json"))]

    def _sample(self, slug: str) -> _Sample:
        if not _SLUG.fullmatch(slug):
            raise BadInput(f"bundled sample {slug[:80]!r}: not a name of a sample")
        try:
            text = serp_text((self._folder / slug / "serp.json").read_bytes())
            document = json.loads(text)
            serp = parse_serp(text, document["keyword"], document["locale"])
        except OSError as error:
            raise BadInput(f"bundled sample {slug}: {error.strerror or error}") from None
        except (BadInput, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"bundled sample {slug}: {error}") from None
        return _Sample(slug, serp, {entry["url"].strip(): entry for entry in document["results"]})


def _relabelled(sample: _Sample, keyword: str, locale: str) -> Serp:
    label = f"bundled sample for this keyword ({sample.serp.fetched}, fictional sites)"
    return sample.serp.model_copy(
        update={"keyword": keyword, "locale": locale, "label": label, "snapshot": sample.slug},
    )
