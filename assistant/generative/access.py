"""Where the model is and what opens it, checked before anything is sent. Imports no client, so that it can always be shown."""

from __future__ import annotations

import ipaddress
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from index.errors import SettingsError
from index.settings import Settings

_LONGEST_KEY = 10_000


@dataclass(frozen=True, slots=True)
class Access:
    """The address without a slash at its end, the model's name, the key (empty: none is sent), and what deserves a warning."""

    url: str
    model: str
    key: SecretStr
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Which model at which address will see the text, in words for people."""
        return f"{self.model} at {self.url}"


def access_of(settings: Settings) -> Access:
    """What the settings say, if it can be used.

    :raises SettingsError: unless ``engine = model`` with an address, a model's name, at most one key, and prices where
        the cost is limited.
    """
    if settings.engine != "model":
        raise SettingsError(f"engine is {settings.engine}: no model is asked; set engine = model to have one write")
    if not settings.model_name.strip():
        raise SettingsError("engine = model needs model_name, the name of a model on the server; it is empty")
    if settings.model_cost_limit and not (settings.model_price_in or settings.model_price_out):
        raise SettingsError("model_cost_limit needs model_price_in and model_price_out; both are 0")
    url, warnings = _checked_url(settings.model_url)
    key, more = _key(settings)
    if key and warnings:
        warnings = [f"{warnings[0]}, and the key with them"]
    return Access(url, settings.model_name.strip(), SecretStr(key), (*warnings, *more))


def _checked_url(url: str) -> tuple[str, list[str]]:
    """The address and what is doubtful about it. What may be a secret in it is not repeated."""
    expected = "expected an address such as https://api.openai.com/v1"
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"setting model_url: {error}; {expected}") from error
    if parts.scheme not in {"http", "https"} or not host or any(letter.isspace() for letter in url.strip()):
        raise SettingsError(f"setting model_url: no http or https address found; {expected}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingsError("setting model_url: holds a user, a query or a fragment; leave them out and use model_key")
    plain = parts.scheme == "http" and not _is_loopback(host)
    warnings = (
        [f"{host} is addressed without encryption: questions and passages can be read on the way"] if plain else []
    )
    return url.strip().rstrip("/"), warnings


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _key(settings: Settings) -> tuple[str, list[str]]:
    """The key, empty for none, and a warning if others can read its file."""
    given, file = settings.model_key.get_secret_value().strip(), settings.model_key_file
    if given and file:
        raise SettingsError("model_key and model_key_file are both set; remove one of them")
    key, warnings = _read_key(Path(file)) if file else (given, [])
    if not all("!" <= letter <= "~" for letter in key):
        raise SettingsError(f"setting {'model_key_file' if file else 'model_key'}: expected one word of plain ASCII")
    return key, warnings


def _read_key(file: Path) -> tuple[str, list[str]]:
    try:
        mode = file.stat().st_mode
        with file.open(encoding="utf-8") as opened:
            key = opened.read(_LONGEST_KEY + 1).strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise SettingsError(f"setting model_key_file: cannot read {file}: {reason}") from None
    if not key or len(key) > _LONGEST_KEY:
        raise SettingsError(f"setting model_key_file: {file} is {'too long for a key' if key else 'empty'}")
    exposed = mode & (stat.S_IRGRP | stat.S_IROTH)
    return key, [f"{file} can be read by others: chmod 600 {file}"] if exposed else []
