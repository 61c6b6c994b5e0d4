"""Settings: defaults, then ``briefs.toml``, then ``BRIEFS_*`` variables, then what the caller passes. Unknown keys are errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from index.errors import SettingsError

PREFIX = "BRIEFS_"
FILE = "briefs.toml"


def _by_commas(value: object) -> object:
    return tuple(part for part in value.replace(",", " ").split() if part) if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_by_commas)]
"""Several values: an array in ``briefs.toml``, by commas or spaces in a variable."""


class Settings(BaseSettings):
    """Everything that can be set. Each field is also a variable ``BRIEFS_<FIELD>`` and a key of ``briefs.toml``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, toml_file=FILE)

    corpus: Path = Field(Path("corpus"), description="Folder of briefs.")
    store: Path = Field(Path(".briefs"), description="Folder of the index.")
    report: Path = Field(Path(".briefs-report"), description="Folder of the eval reports that the page shows.")
    vector_url: str = Field(
        "", description="Chroma server (chroma+http://host:port) that holds the vectors; empty: inside the store."
    )
    vector_token: SecretStr = Field(SecretStr(""), description="Token sent to the Chroma server.")

    embedder: str = Field(
        "minilm", description="minilm (embedded), openai, or the import path of a LlamaIndex BaseEmbedding."
    )
    embedder_model: str = Field("", description="Model name for an embedder other than minilm.")
    embedder_url: str = Field(
        "", description="OpenAI-compatible address for embedder = openai; empty: the client's own default."
    )
    embedder_key: SecretStr = Field(SecretStr(""), description="Key for that address.")

    engine: Literal["extractive", "model"] = Field(
        "extractive",
        description="extractive quotes sentences; model lets the model at model_url write, which sends it the question and passages.",
    )
    model_url: str = Field(
        "",
        description="Address of an OpenAI-compatible server, with its path: https://api.openai.com/v1 or http://127.0.0.1:8080/v1.",
    )
    model_name: str = Field("", description="Name of the model there.")
    model_key: SecretStr = Field(SecretStr(""), description="Key for that address; empty: none is sent.")
    model_key_file: str = Field("", description="File that holds the key, instead of model_key.")
    model_connect_s: float = Field(
        5, gt=0, le=60, description="Longest wait for a connection to the model, in seconds."
    )
    model_first_s: float = Field(30, gt=0, le=600, description="Longest wait for the first token, in seconds.")
    model_between_s: float = Field(15, gt=0, le=600, description="Longest wait between two tokens, in seconds.")
    model_total_s: float = Field(
        120, gt=0, le=3600, description="Longest time for one request with its retries, in seconds."
    )
    model_retries: int = Field(2, ge=0, le=10, description="Further tries when the server is busy or not reached.")
    model_breaker: int = Field(
        5, ge=1, le=1000, description="Failures in a row after which the model is left alone for a while."
    )
    model_breaker_s: float = Field(30, gt=0, le=3600, description="How long it is left alone, in seconds.")
    model_tokens: int = Field(800, ge=16, le=32_000, description="Longest answer of the model, in tokens.")
    model_context: int = Field(6000, ge=256, le=1_000_000, description="Longest prompt, in tokens.")
    model_schema: Literal["auto", "always", "never"] = Field(
        "auto", description="Whether the server is asked to keep to a JSON schema; auto: until it refuses."
    )
    unsupported: Literal["drop", "strike"] = Field(
        "drop",
        description="A model's statements that their quotes do not bear out: drop leaves them out, strike shows them struck out.",
    )
    model_price_in: float = Field(0, ge=0, description="Price of a million tokens of prompt, in any currency.")
    model_price_out: float = Field(0, ge=0, description="Price of a million tokens of answer, in the same currency.")
    model_cost_limit: float = Field(
        0, ge=0, description="Most that one question may cost, in that currency; 0: no limit."
    )

    auth: Literal["auto", "off", "on"] = Field(
        "auto",
        description="Whether callers must sign in; auto: once others can reach the server (where off is refused) or a login is set up.",
    )
    public_url: str = Field(
        "",
        description="Address under which users reach the server: https://briefs.example.org; needed for sign-in and portal tokens.",
    )
    portal_origins: Listed = Field(
        (),
        description="Origins whose pages may embed the page or the widget (https://portal.example.org), by commas; empty: none.",
    )
    oidc_url: str = Field(
        "",
        description="OpenID Connect metadata (…/.well-known/openid-configuration) of the provider that the page signs in with.",
    )
    oidc_client_id: str = Field("", description="Client id there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Client secret there.")
    oidc_cookie_secret: SecretStr = Field(
        SecretStr(""), description="Signs the page's login cookie: a long random string of your own."
    )
    oidc_scopes: str = Field("openid email profile", description="What the page asks the provider for.")
    oidc_groups: str = Field("groups", description="Claim of the identity token that lists the user's groups.")
    login_hours: float = Field(10, gt=0, le=720, description="How long a sign-in to the page lasts, in hours.")
    proxy_user_header: str = Field(
        "",
        description="Header in which an authenticating proxy names the user, such as X-Forwarded-User; empty: no proxy is believed.",
    )
    proxy_groups_header: str = Field("", description="Header in which it lists the user's groups, by commas.")
    proxy_addresses: Listed = Field(
        ("127.0.0.1", "::1"), description="Addresses or networks of proxies that are believed, by commas."
    )

    rate_limit: str = Field(
        "120/minute", description="Requests of one caller to the API: a number per second, minute, hour or day."
    )
    rate_store: str = Field(
        "memory://", description="Where they are counted: memory://, or redis://host:port for several servers."
    )
    max_body_kb: int = Field(256, ge=4, le=16_384, description="Larger requests are refused, in kilobytes.")
    answer_threads: int = Field(
        2, ge=1, le=64, description="Questions answered at the same time; others wait their turn."
    )
    answer_queue: int = Field(200, ge=1, le=10_000, description="Questions that may wait; more are refused with 429.")
    shutdown_s: float = Field(
        15, ge=1, le=600, description="How long answers under way may take to end when the server stops, in seconds."
    )

    log_questions: bool = Field(
        False, description="Whether the log shows what was asked; it never shows what was answered."
    )
    otlp_url: str = Field(
        "", description="OpenTelemetry collector (http://host:4318) that traces go to; empty: no traces."
    )

    chunk_chars: int = Field(
        800, ge=200, le=4000, description="Longest chunk, in characters, unless one sentence is longer."
    )
    max_file_mb: float = Field(50, gt=0, le=2000, description="Larger files are refused, in megabytes.")
    max_brief_chars: int = Field(2_000_000, ge=1000, description="Longer texts are refused, in characters.")
    max_pages: int = Field(2000, ge=1, description="PDFs with more pages are refused.")
    build_timeout_s: float = Field(3600, gt=0, description="A build that takes longer is stopped, in seconds.")
    threads: int = Field(0, ge=0, le=64, description="Threads for the embedded embedder; 0: all cores.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Passed values first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: Any) -> Settings:
    """Read settings; ``overrides`` whose value is None are left out.

    :raises SettingsError: for an unknown key or variable, a value out of bounds, or a file that is not TOML.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    strange = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if strange:
        raise SettingsError(f"unknown variable {strange[0]}; `briefs doctor` lists what can be set")
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        found = "" if first["type"] == "extra_forbidden" or _is_secret(name) else f" (found {first.get('input')!r})"
        # Without its cause, which would show the value of a secret in a traceback.
        raise SettingsError(f"setting {name}: {first['msg']}{found}; see docs/settings.md") from None
    except ValueError as error:
        raise SettingsError(f"{FILE} is not valid TOML: {error}") from error


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and field.annotation is SecretStr
