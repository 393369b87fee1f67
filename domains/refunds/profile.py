"""The desk's profile: what it may give back, whom it may pay, how it writes."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from domains.profiles import Identifier, Name, Part, Words, parsed
from domains.refunds.tools import MOST_PAID, MOST_REFUNDED

Vendor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
_HINT: Final = "id, company, refund_limit, payment_limit, vendors, terms and voice; copy profiles/refunds.yaml"


class Profile(Part):
    """Limits are in cents, and for one call."""

    id: Identifier
    company: Name
    refund_limit: Annotated[int, Field(ge=0, le=MOST_REFUNDED)]
    payment_limit: Annotated[int, Field(ge=0, le=MOST_PAID)]
    vendors: Annotated[list[Vendor], Field(max_length=200)]
    terms: Annotated[list[Words], Field(min_length=1, max_length=50)]
    """When a refund is due and when not."""
    voice: Words


def parse_profile(text: str, name: str) -> Profile:
    """Raises BadInput with every problem in one line, each named by its place in the file."""
    return parsed(Profile, text, name, _HINT)
