"""The refund desk in the runtime: its settings, its adapters, and how a customer's request becomes a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.canonical import canonical_json, storable_text
from core.errors import BadInput
from core.ports import Artifacts, Tool, ToolContext, ToolOutput
from domains.refunds.domain import RefundsDomain
from domains.refunds.profile import Profile, parse_profile
from domains.refunds.schemas import Id
from runtime.intake import NewThread, bundled, text_of
from runtime.settings import Settings, read
from tools.documents import SaveDocument
from tools.refund_desk import Desk, IssueRefund, LookUpOrder, PayVendor

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

DOMAIN: Final = RefundsDomain()
_HTTP: Final = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"


class DeskSettings(BaseSettings):
    """The desk's own variables, from the environment and the .env file; they concern nobody else. Frozen."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore")

    url: Annotated[str, StringConstraints(pattern=f"^$|{_HTTP}")] = Field("", alias="AUTONOMY_REFUNDS_URL")
    token: SecretStr = Field(SecretStr(""), alias="AUTONOMY_REFUNDS_TOKEN")
    profile: str = Field("", alias="AUTONOMY_REFUNDS_PROFILE")


class Asked(BaseModel):
    """What starts a thread."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: Annotated[Id, Field(description="The order's number in the desk's books.")]
    mail: Annotated[str, Field(max_length=50_000, description="What the customer wrote, word for word.")] = ""
    profile: Annotated[Path | None, Field(description="The desk's profile (YAML); AUTONOMY_REFUNDS_PROFILE.")] = None


def adapters(settings: Settings) -> Mapping[str, Tool]:
    """Tool name -> adapter."""
    given = read(DeskSettings)
    desk = Desk(given.url.rstrip("/"), given.token.get_secret_value())
    return {
        "look_up_order": LookUpOrder(desk),
        "draft_reply": SaveDocument("reply"),
        "issue_refund": IssueRefund(desk),
        "pay_vendor": PayVendor(desk),
        "ask_human": ask_human,
    }


async def ask_human(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    """Never called: the graph turns the question into a review."""
    raise BadInput("A question to a person is not executed; it is reviewed.")


async def intake(settings: Settings, artifacts: Artifacts, model: str, asked: Asked, requester: str) -> NewThread:
    """A thread for one customer's request. Raises BadInput: no desk, or a profile that cannot be read."""
    given = read(DeskSettings)
    if not given.url:
        raise BadInput("AUTONOMY_REFUNDS_URL is not set; it is the address of the refund desk's service.")
    path = asked.profile or (Path(given.profile) if given.profile else bundled("refunds.yaml"))
    profile = await asyncio.to_thread(read_profile, path)
    text = canonical_json(profile.model_dump(mode="json"))
    stored = await artifacts.put(profile.id, text, "application/json", path.name, "profile")
    task = {
        "domain": DOMAIN.name,
        "tenant": profile.id,
        "order": asked.order,
        "mail": storable_text(asked.mail),
        "profile": stored.to_json(),
        "model": model,
        "requester": requester,
        "content_dir": str(settings.content / profile.id),
    }
    return NewThread(DOMAIN.name, profile.id, f"order {asked.order}", task, requester)


def read_profile(path: Path) -> Profile:
    """Raises BadInput naming the file and everything that is wrong with it."""
    return parse_profile(text_of(path), str(path))


def offline_model() -> BaseChatModel:
    """The algorithm that stands in where no language model is."""
    from domains.refunds.extractive import propose, self_report
    from runtime.extractive_model import OfflineExtractive

    return OfflineExtractive(propose=propose, self_report=self_report)
