"""Settings: defaults, then ``briefs.toml``, then ``BRIEFS_*`` variables, then what the caller passes. Unknown keys are errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from index.errors import SettingsError

PREFIX = "BRIEFS_"
FILE = "briefs.toml"


class Settings(BaseSettings):
    """Everything that can be set. Each field is also a variable ``BRIEFS_<FIELD>`` and a key of ``briefs.toml``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, toml_file=FILE)

    corpus: Path = Field(Path("corpus"), description="Folder of briefs.")
    store: Path = Field(Path(".briefs"), description="Folder of the index.")
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
        raise SettingsError(
            f"setting {name}: {first['msg']} (found {first.get('input')!r}); see docs/settings.md"
        ) from error
    except ValueError as error:
        raise SettingsError(f"{FILE} is not valid TOML: {error}") from error
