"""The company profile: what the business knows that no search result says."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from core.errors import BadInput
from domains.profiles import Identifier, Name, Part, Words, parsed

HttpsUrl = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https://[^\s/?#@:]+(:\d+)?([/?#]\S*)?$")]


class IdealCustomer(Part):
    who: Words
    pains: Annotated[list[Words], Field(min_length=1, max_length=30)]
    not_for: Annotated[list[Words], Field(max_length=30)] = Field(default_factory=list)


class Product(Part):
    name: Name
    what: Words
    strengths: Annotated[list[Words], Field(max_length=30)] = Field(default_factory=list)


class Evidence(Part):
    """First-party evidence: what was found, and where it is written down."""

    what: Words
    source: Words


class Position(Part):
    """A point of view the company holds and can prove."""

    id: Identifier
    claim: Words
    evidence: Annotated[list[Evidence], Field(min_length=1, max_length=20)]


class Voice(Part):
    tone: Words
    avoid: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)


class CallToAction(Part):
    text: Name
    url: HttpsUrl


class InternalLink(Part):
    topic: Name
    url: HttpsUrl


class Profile(Part):
    id: Identifier
    company: Name
    site: HttpsUrl
    icp: IdealCustomer
    product: Product
    positions: Annotated[list[Position], Field(min_length=1, max_length=50)]
    voice: Voice
    calls_to_action: Annotated[list[CallToAction], Field(min_length=1, max_length=20)]
    internal_links: Annotated[list[InternalLink], Field(max_length=100)] = Field(default_factory=list)
    forbidden_claims: Annotated[list[Words], Field(max_length=100)] = Field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def parse_profile(text: str, name: str) -> Profile:
    """The profile in `text`, a YAML file called `name`.

    Raises BadInput with every problem in one line, each named by its place in the file.
    """
    profile = parsed(Profile, text, name, "id, company, site, icp, …; copy profiles/example.yaml")
    repeated = sorted({p.id for p in profile.positions if sum(q.id == p.id for q in profile.positions) > 1})
    if repeated:
        raise BadInput(f"{name}: positions use the id {repeated[0]!r} more than once")
    return profile
