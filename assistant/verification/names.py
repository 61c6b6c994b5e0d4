"""Whether names are the same: other forms, abbreviations and aliases of the corpus, fuller names of the same brief."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache, lru_cache
from math import log1p
from typing import TYPE_CHECKING

from assistant.verification.reading import Reading, Token, pairs_in
from index.aliases import Alias
from index.lexical import STOP_WORDS, fold, words

if TYPE_CHECKING:
    from index.generation import Generation

_ENDINGS = frozenset(
    "|i|n|s|a|an|ns|is|ian|ans|ians|ese|es|ish|ain|ye|iye|iy|ey|istan|istani|istanis|ia|e|iya|ic|y".split("|")
)
"""What the forms of a country's name end in after the letters that they share: Turkish and Türkiye, Afghan, Chinese."""
_SHARED = 4
"""Letters that two forms of one name share at least."""
_OFTEN = 4
"""Mentions that make a name one of those that a brief is about."""


def _no_weight(_: str) -> float:
    return 1.0


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the corpus tells of words: its aliases, and ``idf``, the weight of a stem (1 for all when left out)."""

    aliases: Sequence[Alias] = ()
    idf: Callable[[str], float] = _no_weight
    by_short: dict[str, list[tuple[str, ...]]] = field(init=False)
    by_long: dict[str, list[Alias]] = field(init=False)

    def __post_init__(self) -> None:
        by_short: dict[str, list[tuple[str, ...]]] = {}
        by_long: dict[str, list[Alias]] = {}
        for alias in self.aliases:
            by_short.setdefault(alias.short, []).append(alias.long)
            for part in alias.long:
                by_long.setdefault(part, []).append(alias)
        object.__setattr__(self, "by_short", by_short)
        object.__setattr__(self, "by_long", by_long)

    @classmethod
    def of(cls, generation: Generation, allowed: frozenset[str] | None = None) -> Lexicon:
        """The aliases of the ``allowed`` briefs of an index (None: all) and how rare their words are, by chunks."""
        chunks = None if allowed is None else generation.scope(allowed).chunks
        total = len(generation.chunks) if chunks is None else int(chunks.sum())

        @cache
        def idf(stem: str) -> float:
            held = generation.lexical.frequency(stem, chunks)
            return log1p((total - held + 0.5) / (held + 0.5))

        return cls([alias for alias in generation.aliases if alias.is_used_in(allowed)], idf)

    def with_part(self, key: str) -> list[Alias]:
        """Aliases whose long form has the name ``key`` in any form."""
        return [alias for part, aliases in self.by_long.items() if same_form(part, key) for alias in aliases]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The stored sentences that hold a quote: what a statement is held against.

    ``before`` is what stands before them in their paragraph and above it, for what they point back to; ``title`` and
    ``years`` are the brief's. ``brief`` is the brief's whole text, for fuller forms of names.
    """

    reading: Reading
    before: Reading
    title: Reading
    years: frozenset[int]
    brief: str


@lru_cache(maxsize=16384)
def same_form(left: str, right: str) -> bool:
    """Whether two stems are forms of one name: equal, or of a country, its people and its adjective."""
    if left == right:
        return True
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    return any(left[k:] in _ENDINGS and right[k:] in _ENDINGS for k in range(_SHARED, shared + 1))


@lru_cache(maxsize=4096)
def _initials(text: str) -> frozenset[str]:
    """Abbreviations that runs of capitalised words in ``text`` spell: "un" for United Nations."""
    found: set[str] = set()
    for run in re.findall(r"[A-Z]\w+(?:[\s-](?:(?:of|for|the|and|on)\s)*[A-Z]\w+)+", text):
        initials = "".join(word[0] for word in re.split(r"[\s-]+", run) if word[0].isupper()).lower()
        found |= {initials[k : k + n] for n in range(2, len(initials) + 1) for k in range(len(initials) - n + 1)}
    return frozenset(found)


def stands_for(token: Token, run: Sequence[Token], reading: Reading, lexicon: Lexicon) -> bool:
    """Whether ``reading`` holds the name ``token`` (part of ``run``) in any form that means the same."""
    key = token.key
    if key in reading.keys or any(same_form(key, name.key) for name in reading.names):
        return True
    if token.text.isupper() and key in _initials(reading.text):
        return True
    if any(_holds(long, reading) for long in lexicon.by_short.get(key, ())):
        return True
    own = {part.key for part in run}
    for alias in lexicon.with_part(key):
        if alias.short in reading.keys and (len(alias.long) == 1 or len(own.intersection(alias.long)) > 1):
            return True
    spelled = "".join(part.text[0] for part in run).lower()
    return len(run) > 1 and any(name.text.isupper() and name.text.lower() == spelled for name in reading.names)


def _holds(long: tuple[str, ...], reading: Reading) -> bool:
    """Whether most words of a long form stand in one name, the country's in any form: "Pakistani Taliban" for the TTP."""
    return any(
        sum(any(same_form(part, name.key) for name in run) for part in long) >= max(1, len(long) - 1)
        for run in runs(reading)
    )


def runs(reading: Reading) -> list[list[Token]]:
    """Names that stand side by side: "Prime Minister", "Shehbaz Sharif" together."""
    found: list[list[Token]] = []
    last: Token | None = None
    for token in reading.tokens:
        if token.kind == "name":
            if last is not None and re.fullmatch(r"[\s-]*", reading.text[last.end : token.start]):
                found[-1].append(token)
            else:
                found.append([token])
            last = token
        elif token.kind != "stop" or token.key not in ("of", "e", "the"):
            last = None
    return found


def foreign_names(claim: Reading, evidence: Evidence, lexicon: Lexicon) -> list[Token]:
    """Names of the claim that the evidence does not bear out: neither held, nor a fuller form, nor what it points back to."""
    foreign: list[Token] = []
    for run in runs(claim):
        missing = [token for token in run if not stands_for(token, run, evidence.reading, lexicon)]
        if missing and len(missing) < len(run):
            held = [token for token in run if _is_held(token, run, evidence.reading)]
            missing = _beyond_brief(run, held, missing, evidence.brief)
        foreign += missing
    return [token for token in foreign if not _is_added_from_context(token, claim, evidence, lexicon)]


def _is_held(token: Token, run: list[Token], reading: Reading) -> bool:
    """Whether a name of ``reading`` has ``token`` and ends as ``run`` does: another's title does not hold one's name."""
    for other in runs(reading):
        if any(same_form(token.key, name.key) for name in other):
            last = other[-1].key
            if any(same_form(last, part.key) for part in run):
                return True
    return False


def _beyond_brief(run: list[Token], held: list[Token], missing: list[Token], brief: str) -> list[Token]:
    """Of the ``missing`` parts of a name, those that the brief nowhere writes beside parts that are ``held``."""
    pairs = pairs_in(brief)
    known = [token in held for token in run]
    for order in (range(1, len(run)), range(len(run) - 2, -1, -1)):
        for k in order:
            beside = k - 1 if order.step > 0 else k + 1
            left, right = sorted((k, beside))
            if known[beside] and (fold(run[left].text), fold(_bare(run[right].text))) in pairs:
                known[k] = True
    return [token for token, is_known in zip(run, known, strict=True) if not is_known and token in missing]


def _is_added_from_context(token: Token, claim: Reading, evidence: Evidence, lexicon: Lexicon) -> bool:
    """Whether the name only says what the evidence points back to, and stands in the place of no name of the evidence."""
    near = any(stands_for(token, [token], context, lexicon) for context in (evidence.before, evidence.title))
    if not near and fold(_bare(token.text)) not in main_names(evidence.brief):
        return False
    return not _replaces_name(token, claim, evidence.reading)


@lru_cache(maxsize=256)
def main_names(brief: str) -> frozenset[str]:
    """Folded names that a brief mentions ``_OFTEN`` times or more: what it is about."""
    counts = Counter(fold(_bare(name)) for name in re.findall(r"(?<=[a-z,;)”\"] )[A-Z][^\W\d_]+", brief))
    return frozenset(name for name, count in counts.items() if count >= _OFTEN)


def _replaces_name(token: Token, claim: Reading, quoted: Reading) -> bool:
    """Whether the claim has ``token`` where the quoted sentences have a name that the claim leaves out."""
    ours, theirs = claim.content, quoted.content
    matcher = SequenceMatcher(None, [t.key for t in ours], [t.key for t in theirs], autojunk=False)
    at = ours.index(token)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if i1 <= at < i2:
            lost = [t for t in theirs[j1:j2] if t.kind == "name"]
            return tag == "replace" and any(_count(t, quoted) > _count(t, claim) for t in lost)
    return False


def _count(name: Token, reading: Reading) -> int:
    return sum(same_form(name.key, other.key) for other in reading.names)


def share_name(left: Iterable[Token], right: Iterable[Token], lexicon: Lexicon) -> bool:
    """Whether two groups of names have one in common, in any form."""
    rights = list(right)
    return any(one_name(a, b, lexicon) for a in left for b in rights)


def one_name(left: Token, right: Token, lexicon: Lexicon) -> bool:
    """Whether two single names mean the same."""
    if same_form(left.key, right.key):
        return True
    for a, b in ((left.key, right.key), (right.key, left.key)):
        if any(len(long) == 1 and same_form(long[0], b) for long in lexicon.by_short.get(a, ())):
            return True
    return False


def same_name(left: Sequence[Token], right: Sequence[Token], lexicon: Lexicon) -> bool:
    """Whether two names of one word or more mean the same, one in full and one shortened included."""
    if share_name(left, right, lexicon):
        return True
    for short, long in ((left, right), (right, left)):
        for parts in lexicon.by_short.get(short[0].key, ()) if len(short) == 1 else ():
            if sum(any(same_form(part, token.key) for token in long) for part in parts) >= max(1, len(parts) - 1):
                return True
    return False


def belongs(owner: Token, thing: Token, brief: str) -> bool:
    """Whether the brief calls ``thing`` the owner's: "Pakistani Defence Minister Khawaja Asif" for Pakistan and Asif."""
    root = re.escape(owner.text[: max(_SHARED, len(owner.text) - 3)])
    pattern = rf"\b{root}\w*(?:['’]s)?((?:\s+[\w’'-]+){{1,5}})\s+{re.escape(_bare(thing.text))}\b"
    return any(
        not any(word in STOP_WORDS or word in _TELLING for word in words(match.group(1)))
        for match in re.finditer(pattern, brief, re.I)
    )


def has_owner(thing: Token, brief: str) -> bool:
    """Whether the brief anywhere says whose ``thing`` is: "Taliban spokesman Zabihullah Mujahid"."""
    pattern = (
        rf"\b([A-Z]\w+)(?:['’]s)?((?:\s+[a-z]\w+){{1,3}}(?:\s+[A-Z][\w-]+){{0,3}})\s+{re.escape(_bare(thing.text))}\b"
    )
    return any(
        not any(word in STOP_WORDS or word in _TELLING for word in words(match.group(2)))
        for match in re.finditer(pattern, brief)
    )


_TELLING = frozenset("said told claimed asked called accused blamed denied reported wanted gave put".split())


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word)
