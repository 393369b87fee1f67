"""Arguments and results of the tools, as the model and the executor see them. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domains.seo.formats import Format

SUM_TOLERANCE: Final = 0.02


def _text(longest: int) -> StringConstraints:
    """Text that says something, up to `longest` characters."""
    return StringConstraints(min_length=1, max_length=longest, pattern=r"\S")


Sentence = Annotated[str, _text(500)]
Paragraph = Annotated[str, _text(2000)]
Heading = Annotated[str, _text(200)]
Markdown = Annotated[str, _text(20_000)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Revision = Annotated[int, Field(ge=1)]
SectionIndex = Annotated[int, Field(ge=0, le=11)]
Measure = Literal["intent", "angle", "relevance", "citation", "voice", "structure"]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SearchSerpArguments(Schema):
    keyword: Annotated[str, _text(200)]
    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


class SearchResult(Schema):
    position: Annotated[int, Field(ge=1)]
    url: Url
    title: Annotated[str, Field(max_length=1000)]
    snippet: Annotated[str, Field(max_length=4000)]


class SearchSerpResult(SearchSerpArguments):
    """`fetched` is an ISO date; `snapshot` names the bundled sample, null when the results are live."""

    engine: str
    label: str
    fetched: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}")]
    snapshot: str | None
    results: Annotated[list[SearchResult], Field(max_length=100)]
    questions: Annotated[list[str], Field(max_length=100)]
    related: Annotated[list[str], Field(max_length=100)]


class FetchPagesArguments(Schema):
    serp_sha256: Sha256
    at_most: Annotated[int, Field(ge=1, le=20, description="How many results to read, from the top.")] = 10


class PageHeading(Schema):
    level: Annotated[int, Field(ge=1, le=6)]
    text: Annotated[str, Field(max_length=1000)]


class Page(Schema):
    """`status` is 0 when the server never answered; `reason` says why a page is not `ok`."""

    url: Url
    final_url: Url
    position: Annotated[int, Field(ge=1)]
    title: Annotated[str, Field(max_length=1000)]
    status: Annotated[int, Field(ge=0, le=999)]
    ok: bool
    reason: Annotated[str, Field(max_length=1000)]
    text_sha256: Sha256 | None
    words: Annotated[int, Field(ge=0)]
    headings: Annotated[list[PageHeading], Field(max_length=1000)]


class FetchPagesResult(Schema):
    pages: Annotated[list[Page], Field(max_length=20)]
    read: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]


class Distribution(Schema):
    """Shares of the four search intents; they add up to 1."""

    informational: Share
    commercial: Share
    transactional: Share
    navigational: Share

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.informational + self.commercial + self.transactional + self.navigational
        if abs(total - 1) > SUM_TOLERANCE:
            raise ValueError(f"the four shares add up to {total:.2f}; they must add up to 1")
        return self


class SetIntentArguments(Schema):
    distribution: Distribution
    format: Annotated[Format, Field(description="The format of page that the results reward and we will write.")]
    reader: Annotated[Sentence, Field(description="Who searches for this, and what they must decide.")]
    because: Annotated[Paragraph, Field(description="What in the results shows it.")]


class SetIntentResult(SetIntentArguments):
    revision: Revision


class SetAngleArguments(Schema):
    angle: Annotated[str, _text(600), Field(description="The claim that the article stands for, in one sentence.")]
    differs_because: Annotated[Paragraph, Field(description="What the results say instead, or leave out.")]
    position_id: Annotated[
        str, Field(max_length=63, description="The profile position it rests on; empty when it rests on none.")
    ] = ""
    reader: Sentence


class SetAngleResult(SetAngleArguments):
    revision: Revision


class OutlineSection(Schema):
    heading: Heading
    purpose: Annotated[Sentence, Field(description="What the reader can do after this section.")]
    questions: Annotated[list[Annotated[str, _text(300)]], Field(max_length=10)]


class SetOutlineArguments(Schema):
    title: Heading
    sections: Annotated[list[OutlineSection], Field(min_length=3, max_length=12)]


class SetOutlineResult(SetOutlineArguments):
    revision: Revision


class Citation(Schema):
    claim: Annotated[str, _text(1000)]
    url: Annotated[Url, Field(description="Address of one of the search results.")]


class WriteSectionArguments(Schema):
    index: Annotated[SectionIndex, Field(description="Number of the section in the outline, from 0.")]
    markdown: Markdown
    citations: Annotated[list[Citation], Field(max_length=60)]


class WriteSectionResult(WriteSectionArguments):
    revision: Revision


class CheckArticleArguments(Schema):
    outline_sha256: Sha256


class Problem(Schema):
    measure: Measure
    says: Annotated[str, _text(1000)]


class CheckArticleResult(Schema):
    """The measures are 0..1, 1 = no sign of that silent failure; see measures.py for each formula."""

    article_sha256: Sha256
    words: Annotated[int, Field(ge=0)]
    citations: Annotated[int, Field(ge=0)]
    intent_match: Share
    own_angle: Share
    relevance: Share
    problems: Annotated[list[Problem], Field(max_length=200)]


class ReviseArticleArguments(Schema):
    changes: Annotated[list[WriteSectionArguments], Field(min_length=1, max_length=12)]
    note: Annotated[Paragraph, Field(description="What was changed, and which problem that answers.")]


class ReviseArticleResult(ReviseArticleArguments):
    revision: Revision


Description = Annotated[str, _text(300), Field(description="What a searcher reads under the title.")]


class SaveDraftArguments(Schema):
    title: Heading
    description: Description
    slug: Slug
    article_sha256: Sha256


class SaveDraftResult(Schema):
    """`sha256` is the file's, front-matter included; `article_sha256` the article's."""

    path: str
    sha256: Sha256
    article_sha256: Sha256


class PublishContentArguments(Schema):
    slug: Slug
    site: Url
    title: Heading
    description: Description
    article_sha256: Sha256


class PublishContentResult(Schema):
    path: str
    sha256: Sha256
    site: Url


class AskHumanArguments(Schema):
    question: Annotated[str, _text(1000)]
    why: Annotated[str, _text(1000)]
    options: Annotated[list[Annotated[str, _text(200)]], Field(max_length=5)] = []


class AskHumanResult(Schema):
    answer: Annotated[str, Field(max_length=20_000)]
