"""Text that Streamlit's Markdown shows as it is."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"https?(?=:)|www(?=\.)|\w(?=@)", re.IGNORECASE)
WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """``text`` so that Markdown shows it as it is: no links, no images, no directives."""
    # Addresses become links even where their punctuation is escaped, unless something comes between.
    parted = _ADDRESS.sub(lambda found: found[0] + WORD_JOINER, " ".join(text.split()))
    return _MARKUP.sub(r"\\\1", parted)
