"""What a failed request means: words for people, and whether it is worth another try. Nothing of the key or the prompt gets in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assistant.generative.access import Access
from assistant.generative.connection import Failure, Kind
from assistant.generative.limits import Messages
from index.errors import ModelError

_AGAIN = frozenset({408, 409, 429})
_REFUSALS = frozenset({400, 415, 422})
_LONGEST = 160
"""Characters of a server's own words that are passed on."""
_SHARED = 16
"""So many characters in common with the prompt, and the server's words are not passed on."""
_SHARED_KEY = 6
_TOO_LONG = re.compile(r"context.{0,40}(length|window|size|exceed)|exceed.{0,40}context|prompt.{0,20}too long", re.I)

OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "schema", "grammar", "structured", "guided"),
    "stream_options": ("stream_options", "include_usage"),
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens",),
}
"""Parts of a request that some servers refuse, and the words by which they do; ``max_tokens`` has a newer name."""

_WORDS: Mapping[Kind, str] = {
    "late": "no connection within model_connect_s; check model_url and that the server runs",
    "untrusted": "no trusted encryption; check model_url, or name the certificate's authority in SSL_CERT_FILE",
    "cut": "the connection broke before the answer was whole; ask again",
    "event": "the server reported an error in place of the answer; ask again, or see the server's log",
    "unreadable": "the server's answer is not the JSON events of a chat completion; check model_url",
    "oversized": "the server sends more than an answer can have, or packs it; the connection was closed",
}


def is_transient(failure: Failure) -> bool:
    """Whether the same request may succeed a little later."""
    if failure.kind in {"status", "event"}:
        return failure.code != "insufficient_quota" and (failure.status in _AGAIN or failure.status >= 500)
    return failure.kind in {"unreachable", "late", "cut"}


def is_healthy(failure: Failure) -> bool:
    """Whether the server did its part and the request was at fault, which is no reason to leave the server alone."""
    return failure.kind == "status" and not is_transient(failure)


def is_too_long(failure: Failure) -> bool:
    """Whether the prompt does not fit the model."""
    words = f"{failure.code.replace('_', ' ')} {failure.message}"
    return failure.status == 413 or (failure.kind in {"status", "event"} and bool(_TOO_LONG.search(words)))


def refused_part(failure: Failure, body: Mapping[str, Any]) -> tuple[str, bool]:
    """The part of ``body`` that the server does not take, empty for none, and whether the server named it.

    A refusal that names nothing is put down to the schema, which is what servers differ in most.
    """
    if failure.kind != "status" or failure.status not in _REFUSALS or is_too_long(failure):
        return "", False
    words = f"{failure.code} {failure.message}".lower()
    for part, names in OPTIONAL.items():
        if part in body and any(name in words for name in names):
            return part, True
    return ("response_format", False) if "response_format" in body else ("", False)


def explained(failure: Failure, access: Access, messages: Messages) -> ModelError:
    """The failure in one line."""
    return ModelError(f"{access}: {_what(failure, access)}{_own_words(failure, access, messages)}")


def _what(failure: Failure, access: Access) -> str:
    if is_too_long(failure):
        return "the prompt is longer than the model takes; lower model_context"
    if failure.kind == "status":
        return _status(failure, access.model)
    if failure.kind == "unreachable":
        return f"no connection{f' ({failure.message})' if failure.message else ''}; check model_url and that the server runs"
    if failure.kind == "type":
        found = failure.message[:60] or "nothing"
        return f"found content of type {found!r}, expected text/event-stream; check the path in model_url, often /v1"
    return _WORDS[failure.kind]


def _status(failure: Failure, model: str) -> str:
    status = failure.status
    if failure.code == "insufficient_quota":
        return f"the account has no credit left (HTTP {status}); see its provider"
    known = {
        401: "the key was refused; check model_key or model_key_file",
        403: "this key may not use the model; check model_key and model_name",
        404: f"no model {model!r}, or no chat completions under this address; check model_name and model_url, often ending in /v1",
        408: "the server gave up waiting; ask again",
        429: "too many requests; ask again later",
    }
    if 300 <= status < 400:
        otherwise = "the address redirects elsewhere, which is not followed; set model_url to the final address"
    elif status >= 500:
        otherwise = "the server failed; ask again, or see its log"
    else:
        otherwise = "the request was refused; see the server's log"
    return f"{known.get(status, otherwise)} (HTTP {status})"


def _own_words(failure: Failure, access: Access, messages: Messages) -> str:
    """What the server said, unless it may repeat what must not be shown."""
    if failure.kind not in {"status", "event"} or failure.status in {401, 403}:
        return ""
    said = " ".join("".join(c if c.isprintable() else " " for c in failure.message).split())
    key = access.key.get_secret_value()
    prompt = " ".join(" ".join(message["content"] for message in messages).split())
    if not said or _share(said, key, _SHARED_KEY) or _share(said, prompt, _SHARED):
        return ""
    return f"; it said: {said[:_LONGEST]}{'…' if len(said) > _LONGEST else ''}"


def _share(said: str, secret: str, length: int) -> bool:
    """Whether ``said`` repeats ``length`` characters of ``secret``, or all of a shorter one."""
    length, said, secret = min(length, len(secret)), said[: 2 * _LONGEST].casefold(), secret.casefold()
    return bool(length) and any(said[at : at + length] in secret for at in range(len(said) - length + 1))
