"""Abbreviations and other names that the briefs themselves introduce: "Tehrik-e-Taliban Pakistan (TTP)".

Long forms are found by the algorithm of Schwartz and Hearst (2003): the characters of the short form must occur in
order in the words before the bracket, its first character at the start of a word. Nothing is listed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.lexical import STOP_WORDS, terms, words

_BRACKET = re.compile(r"\(([A-Z][A-Za-z0-9&.\-]{1,9})\)")
_OWNER = re.compile(r"([A-Z]\w+)['’]s ")
_ALSO = re.compile(
    r"\(([A-Z]{2,8})\)?,? (?:or|also (?:known|called) as|known as|the so-called) (?:the )?((?:[A-Z][\w-]+ ?){2,4})"
)


@dataclass(frozen=True, slots=True)
class Alias:
    """``short`` and ``long`` name the same thing in the briefs ``brief_ids``. Both are stems, ``long`` the rarer words."""

    short: str
    long: tuple[str, ...]
    brief_ids: tuple[str, ...]

    def is_used_in(self, allowed: Collection[str] | None) -> bool:
        """Whether a brief of ``allowed`` uses both names; None stands for all."""
        return allowed is None or any(brief_id in allowed for brief_id in self.brief_ids)


def find_aliases(
    texts: Mapping[str, Iterable[str]], owners: Mapping[str, tuple[str, str]] | None = None
) -> list[Alias]:
    """Aliases in the sentences and metadata of each brief (by brief id), without repetition, in the order of their words.

    ``owners`` are pairs of :func:`owner_alias` by brief id.
    """
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for brief_id, (capital, country) in (owners or {}).items():
        found.setdefault((terms(capital)[0], tuple(terms(country))), []).append(brief_id)
    for brief_id, lines in texts.items():
        for line in lines:
            for short, long in _pairs(line):
                short_stems, long_stems = (
                    terms(short),
                    tuple(dict.fromkeys(term for term in terms(long) if len(term) > 1)),
                )
                if len(short_stems) == 1 and long_stems and short_stems[0] not in long_stems:
                    users = found.setdefault((short_stems[0], long_stems), [])
                    if not users or users[-1] != brief_id:
                        users.append(brief_id)
    # Not in the order of their use, which briefs that are hidden from a caller would decide for those that are not.
    return [Alias(short, long, tuple(users)) for (short, long), users in sorted(found.items())]


def owner_alias(title: str, regions: Sequence[str]) -> tuple[str, str] | None:
    """The capital that a title speaks of and the one country the brief is about: ("Islamabad", "Pakistan"), or None.

    A brief called "Islamabad's demands" whose region is Pakistan alone uses the one name for the other.
    """
    owner = _OWNER.match(title)
    if owner is None or len(regions) != 1 or owner.group(1) == regions[0]:
        return None
    return owner.group(1), regions[0]


def _pairs(line: str) -> Iterable[tuple[str, str]]:
    for match in _BRACKET.finditer(line):
        long = _long_form(match.group(1), line[: match.start()])
        if long:
            yield match.group(1), long
    for match in _ALSO.finditer(line):
        yield match.group(1), match.group(2).strip()


def _long_form(short: str, before: str) -> str | None:
    """The shortest run of words that ends ``before`` and spells ``short``, or None."""
    letters = [character.lower() for character in short if character.isalnum()]
    if len(letters) < 2 or sum(character.isupper() for character in short) < 2:
        return None
    candidate = " ".join(before.split()[-min(len(letters) + 5, len(letters) * 2) :])
    at = len(candidate)
    for k in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and (candidate[at].lower() != letters[k] or (k == 0 and at > 0 and candidate[at - 1].isalnum())):
            at -= 1
        if at < 0:
            return None
    long = candidate[at:].strip()
    meaningful = [word for word in words(long) if word not in STOP_WORDS]
    return long if len(meaningful) >= 2 and len(long) > len(short) else None
