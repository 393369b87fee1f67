"""All settings, read once. Each is described in .env.example; a test compares the two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import BadInput
from core.vocabulary import Authority, Environment, Stage
from policy.budgets import LIMITS, changed

EVERY_TASK_TYPE: Final = "*"


class Settings(BaseSettings):
    """From the environment and a .env file in the current folder; the environment wins. Frozen."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")
    home: Path = Field(Path(platformdirs.user_data_dir("autonomy")), alias="AUTONOMY_HOME")
    encryption_key: SecretStr | None = Field(None, alias="AUTONOMY_ENCRYPTION_KEY")
    environment: Environment = Field("local", alias="AUTONOMY_ENVIRONMENT")
    content_dir: Path | None = Field(None, alias="AUTONOMY_CONTENT_DIR")
    profile: Path | None = Field(None, alias="AUTONOMY_PROFILE")
    policies: Path | None = Field(None, alias="AUTONOMY_POLICIES")
    mcp: Path | None = Field(None, alias="AUTONOMY_MCP")

    stages: Annotated[Mapping[str, Stage], NoDecode] = Field(default_factory=dict, alias="AUTONOMY_STAGES")
    interrupt_on: str = Field("", alias="AUTONOMY_INTERRUPT_ON")

    chroma_url: str | None = Field(None, alias="AUTONOMY_CHROMA_URL")
    embedding_model: str | None = Field(None, alias="AUTONOMY_EMBEDDING_MODEL")
    embedding_url: str | None = Field(None, alias="AUTONOMY_EMBEDDING_URL")

    authority: Annotated[Mapping[str, Authority], NoDecode] = Field({}, alias="AUTONOMY_AUTHORITY")
    limits: Annotated[Mapping[str, int], NoDecode] = Field({}, alias="AUTONOMY_LIMITS")

    model: str | None = Field(None, alias="AUTONOMY_MODEL")
    model_timeout: float = Field(60.0, gt=0, le=600, alias="AUTONOMY_MODEL_TIMEOUT")
    samples: Literal["on", "off"] = Field("on", alias="AUTONOMY_SAMPLES")
    probe_local_models: bool = Field(True, alias="AUTONOMY_PROBE_LOCAL_MODELS")
    openai_api_key: SecretStr | None = Field(None, alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, alias="OPENAI_BASE_URL")
    prices: Annotated[Mapping[str, tuple[int, int]], NoDecode] = Field({}, alias="AUTONOMY_PRICES")

    serper_api_key: SecretStr | None = Field(None, alias="SERPER_API_KEY")
    serper_base_url: str = Field("https://google.serper.dev", alias="SERPER_BASE_URL")
    ddgs: Literal["on", "off"] = Field("on", alias="AUTONOMY_DDGS")
    allowed_private_hosts: str = Field("", alias="AUTONOMY_ALLOWED_PRIVATE_HOSTS")
    contact: str = Field("", alias="AUTONOMY_CONTACT")

    console_url: str = Field("http://127.0.0.1:8501", alias="AUTONOMY_CONSOLE_URL")
    console_address: str = Field("127.0.0.1", alias="AUTONOMY_CONSOLE_ADDRESS")
    oidc_metadata_url: str | None = Field(None, alias="AUTONOMY_OIDC_METADATA_URL")
    oidc_client_id: str | None = Field(None, alias="AUTONOMY_OIDC_CLIENT_ID")
    oidc_client_secret: SecretStr | None = Field(None, alias="AUTONOMY_OIDC_CLIENT_SECRET")
    oidc_allowed: str = Field("", alias="AUTONOMY_OIDC_ALLOWED")
    review_due_hours: float = Field(4.0, gt=0, alias="AUTONOMY_REVIEW_DUE_HOURS")
    review_expires_hours: float | None = Field(None, gt=0, alias="AUTONOMY_REVIEW_EXPIRES_HOURS")

    worker_concurrency: int = Field(8, ge=1, le=1000, alias="AUTONOMY_WORKER_CONCURRENCY")

    @field_validator(
        "database_url", "encryption_key", "openai_api_key", "openai_base_url", "serper_api_key", "model", "policies",
        "mcp", "chroma_url", "embedding_model", "embedding_url", "oidc_metadata_url", "oidc_client_id",
        "oidc_client_secret", "review_expires_hours", mode="before",
    )  # fmt: skip
    @classmethod
    def empty_is_unset(cls, value: object) -> object:
        """`KEY=` in a .env file means that the key is not set."""
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("stages", mode="before")
    @classmethod
    def stages_are_json(cls, value: object) -> object:
        return _object(value)

    @field_validator("authority", mode="before")
    @classmethod
    def level_or_levels(cls, value: object) -> object:
        """One level is that of every task type."""
        if not isinstance(value, str) or value.strip().startswith("{"):
            return _object(value)
        return {EVERY_TASK_TYPE: value.strip()} if value.strip() else {}

    @field_validator("limits", mode="before")
    @classmethod
    def known_limits(cls, value: object) -> object:
        """Raises BadInput with the names there are."""
        given = _object(value)
        changed(LIMITS, given)
        return given

    @field_validator("prices", mode="before")
    @classmethod
    def json_object(cls, value: object) -> object:
        return _object(value)

    @field_validator("prices")
    @classmethod
    def no_negative_price(cls, value: Mapping[str, tuple[int, int]]) -> Mapping[str, tuple[int, int]]:
        if wrong := [label for label, prices in value.items() if min(prices) < 0]:
            raise ValueError(f"the price of {wrong[0]} is below zero")
        return value

    @cached_property
    def content(self) -> Path:
        """Where briefs, drafts and published files go; a folder per tenant."""
        return (self.content_dir or self.home / "content").expanduser().resolve()

    @property
    def checkpoints(self) -> frozenset[str]:
        """Task types at which a person is asked each time."""
        return frozenset(name.strip() for name in self.interrupt_on.split(",") if name.strip())

    @property
    def oidc(self) -> bool:
        """Whether people log in. Raises BadInput when only a part of what that takes is set."""
        given = (self.oidc_metadata_url, self.oidc_client_id, self.oidc_client_secret)
        if any(given) and not all(given):
            raise BadInput(
                "Login needs AUTONOMY_OIDC_METADATA_URL, AUTONOMY_OIDC_CLIENT_ID and "
                "AUTONOMY_OIDC_CLIENT_SECRET, all three."
            )
        return all(given)

    @property
    def private_hosts(self) -> frozenset[str]:
        return frozenset(host.strip() for host in self.allowed_private_hosts.split(",") if host.strip())


Read = TypeVar("Read", bound=BaseSettings)


def _object(value: object) -> Mapping[str, Any]:
    """A JSON object; blank is an empty one. Raises ValueError."""
    if not isinstance(value, str):
        return dict(value) if isinstance(value, Mapping) else {}
    try:
        read = json.loads(value) if value.strip() else {}
    except ValueError as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if not isinstance(read, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - pydantic makes a sentence of it
    return read


def read_settings() -> Settings:
    """Raises BadInput naming the variable and what is wrong with it."""
    return read(Settings)


def read(settings: type[Read]) -> Read:
    """These settings, such as a domain's own, from the environment. Raises BadInput."""
    try:
        return settings()
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadInput(f"{problem['loc'][0]}: {problem['msg']}. See .env.example") from None
