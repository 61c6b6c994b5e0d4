"""What is affirmed, denied or only possible: negation and its reach, opposites, and what is intended but not done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from assistant.verification.reading import Reading, Token, key_of
from index.lexical import stem

_DIRECT = frozenset("not never no without nobody none nothing nor neither cannot unable barely hardly".split())
_NOT_NEGATING = frozenset("only later fewer less more doubt sooner".split())
_LEXICAL = frozenset(
    stem(word)
    for word in (
        "deny denied refuse refused reject rejected decline declined fail failed dismiss dismissed lack absence absent alternative "
        "spurn spurned prevent prevented stop stopped cease ceased halt halted resist avoid exclude abandon baseless false untrue "
        "impossible unable unlikely contradict refute withhold rather instead neither against"
    ).split()
)
_DENYING = frozenset("un in im ir il dis non".split())
_OBJECTS = frozenset("no nobody none nothing neither".split())
"""Negations that may deny the verb before them: "offered no evidence"."""
_BACKWARD = frozenset(stem(word) for word in "false untrue baseless deny reject refuse dismiss refute decline".split())
"""Of these, the ones that deny what stands before them too: "the charge was false"."""
_TO_VERB = frozenset(stem(word) for word in "fail refuse decline cease deny avoid".split())
"""Verbs that deny the verb they take: "failed to agree", "denied having struck"."""
_PARTICLES = frozenset(("turn down", "rule out", "call off", "stay away"))
_HEDGES = frozenset(
    """
    may might can could reportedly allegedly would should will shall possibl potenti like probabl plan propos
    threaten offer expect aim want ask demand suggest alleg intend consid hope vow promis pledg if unless until
    must need requir request urg seek warn try attempt
    """.split()
)
"""Stems and words after which something is not yet done."""
_DONE = frozenset("was were been has had have".split())
_BREAKS = frozenset("but while wherea although though howev yet becaus nor".split())
_TIMES = frozenset((stem("before"), stem("after")))
"""Opposites that no negation turns round."""
_REACH = 7
"""Content words that a negation reaches at most."""

_OPPOSITES = """
    open reopen reopened opening opened / close closed closure shut shutdown shutting seal sealed; accept accepted
    agree agreed agreement approve approved approval endorse endorsed consent / reject rejected rejection refuse
    refused refusal decline declined spurn spurned turned_down; rise rose increase increased grow grew climb
    climbed up gain gained jump jumped surge surged more higher / fall fell drop dropped decrease decreased
    decline declined down shrink plunge plunged less lower fewer; confirm confirmed admit admitted acknowledge
    acknowledged / deny denied denial; support supported back backed / oppose opposed opposition; allow allowed
    permit permitted let authorise authorised / ban banned forbid forbade prohibit prohibited bar barred block
    blocked; begin began start started launch launched resume resumed continue continued / end ended stop stopped
    cease ceased halt halted suspend suspended pause paused; win won victory / lose lost defeat defeated; attack
    attacked / defend defended; import imported imports / export exported exports; before / after; first / last;
    succeed succeeded success / fail failed failure; improve improved improvement / worsen worsened deteriorate
    deteriorated; extend extended prolong prolonged / cut shorten shortened; strong stronger / weak weaker;
    include included including / exclude excluded excluding; north northern / south southern; east eastern / west
    western; arrive arrived / leave left depart departed; release released free freed / detain detained arrest
    arrested imprison imprisoned; credible / incredible; legal lawful / illegal unlawful; public / secret private;
    true / false; likely / unlikely; able / unable; military / civilian; ally friend / enemy foe; minimum least /
    maximum most; maximal / minimal; sunni / shia; birth born / death died; top / bottom; large larger big bigger
    / small smaller; early earlier / late later
"""
"""Words of one meaning on either side of a slash; "turned_down" is two words."""


@lru_cache(maxsize=1)
def _poles() -> dict[str, list[tuple[int, int]]]:
    """By stem: which pair of opposites it belongs to, and on which side."""
    poles: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(_OPPOSITES.split(";")):
        for sign, side in zip((1, -1), line.split("/"), strict=True):
            for word in side.split():
                entry = (number, sign)
                verb, _, particle = word.partition("_")
                entries = poles.setdefault(f"{key_of(verb)} {particle}" if particle else key_of(word), [])
                if entry not in entries:
                    entries.append(entry)
    return poles


def are_alike(left: str, right: str) -> bool:
    """Whether two stems stand on the same side of the same pair of opposites."""
    poles = _poles()
    return left in poles and right in poles and not set(poles[left]).isdisjoint(poles[right])


@dataclass(frozen=True, slots=True)
class Polarity:
    """What a reading denies, by token and by stem.

    ``denied`` are the tokens that a negation stands directly before, ``reached`` all that one may reach, ``hedged`` the
    stems directly after "might" or "plans to". ``depth`` counts by token the negations that stand before it in its clause.
    ``poles`` holds token, pair of opposites and the side that is meant. ``negates`` says whether there is any negation,
    ``conditional`` whether something must come first.
    """

    denied: frozenset[int]
    reached: frozenset[int]
    depth: Mapping[int, int]
    hedged: frozenset[str]
    poles: tuple[tuple[int, int, int], ...]
    negates: bool
    conditional: bool


@lru_cache(maxsize=4096)
def polarity_of(reading: Reading) -> Polarity:
    """What ``reading`` denies, hedges and which side of opposites it takes; tokens by their position."""
    tokens = reading.tokens
    denied: set[int] = set()
    loose: set[int] = set()
    hedged: set[str] = set()
    depth: Counter[int] = Counter()
    negates = False
    for k, token in enumerate(tokens):
        direct, lexical = _negates(tokens, k)
        negates = negates or direct or lexical
        scope = list(_scope(tokens, k + 1)) if direct or lexical else []
        if direct:
            depth.update(scope)
            plain = [j for j in scope if tokens[j].kind == "word"]
            denied.update(plain[:1] or scope[:1] or list(_clause(tokens, k))[:1])
            if token.text.lower() in _OBJECTS:
                loose.update(list(_clause(tokens, k))[:1])
        if direct or lexical:
            loose.update(scope)
        if token.key in _BACKWARD:
            loose.update(_clause(tokens, k))
        if _hedges(tokens, k):
            hedged.update([tokens[j].key for j in _scope(tokens, k + 1)][:1])
    hedged -= _HEDGES
    return Polarity(
        frozenset(denied),
        frozenset(denied | loose),
        depth,
        frozenset(hedged),
        tuple(_sides(tokens, denied, loose, depth)),
        negates,
        bool(reading.keys & {"until", "unless", "onli", "if"}),
    )


def _negates(tokens: Sequence[Token], k: int) -> tuple[bool, bool]:
    """Whether token ``k`` negates what follows it directly, and whether it negates its clause in a looser way."""
    token = tokens[k]
    word = token.text.lower()
    following = tokens[k + 1].text.lower() if k + 1 < len(tokens) else ""
    if word in _DIRECT or word.endswith(("n't", "n’t")):
        return following not in _NOT_NEGATING, False
    if f"{token.key} {following}" in _PARTICLES:
        return token.key == "rule", True
    governs = following == "to" or following.endswith("ing") or token.key == stem("deny")
    return token.key in _TO_VERB and governs, token.key in _LEXICAL


def are_opposite_forms(left: str, right: str) -> bool:
    """Whether one stem is the other with a prefix that denies it: "unverifi" and "verifi"."""
    long, short = (left, right) if len(left) > len(right) else (right, left)
    return len(short) > 3 and long.endswith(short) and long[: -len(short)] in _DENYING


def _scope(tokens: Sequence[Token], start: int) -> Iterator[int]:
    """Positions of content words and names from ``start`` up to the end of the clause."""
    started = False
    left = _REACH
    for k in range(start, len(tokens)):
        token = tokens[k]
        if token.text == "," and not started:
            continue  # "would not, in its view, let": the negation reaches beyond what is put in
        started = True
        if _ends(token) or not left:
            return
        if token.kind in ("word", "name") and not token.text.endswith("ly"):
            left -= 1
            yield k


def _clause(tokens: Sequence[Token], k: int) -> Iterator[int]:
    """Positions of content words of the clause before token ``k``, the nearest first."""
    for j in range(k - 1, -1, -1):
        if _ends(tokens[j]):
            return
        if tokens[j].kind in ("word", "name"):
            yield j


def _ends(token: Token) -> bool:
    return (token.kind == "break" and token.text in ",;:.!?") or token.key in _BREAKS


def _hedges(tokens: Sequence[Token], k: int) -> bool:
    word = tokens[k].text.lower()
    following = tokens[k + 1].text.lower() if k + 1 < len(tokens) else ""
    return tokens[k].key in _HEDGES or word in _HEDGES or (word == "to" and following not in ("", "have"))


def _sides(
    tokens: Sequence[Token], denied: set[int], loose: set[int], depth: Mapping[int, int]
) -> Iterator[tuple[int, int, int]]:
    poles = _poles()
    for k, token in enumerate(tokens):
        following = tokens[k + 1].text.lower() if k + 1 < len(tokens) else ""
        previous = tokens[k - 1].key if k else ""
        entries = poles.get(f"{token.key} {following}") or poles.get(token.key)
        if not entries or f"{previous} {token.text.lower()}" in poles:
            continue
        negator = _negates(tokens, k)[1]
        # What a "refused" further off may or may not reach is on neither side for certain.
        if k in denied or k not in loose or negator or token.key in _TIMES:
            turned = token.key not in _TIMES and (k in denied or (negator and depth.get(k, 0) % 2 == 1))
            yield from ((k, number, -sign if turned else sign) for number, sign in entries)


def contradicts(claim: Reading, quoted: Reading) -> bool:
    """Whether ``claim`` affirms what ``quoted`` denies, denies what it affirms, or says the opposite."""
    ours, theirs = polarity_of(claim), polarity_of(quoted)
    if _denies_otherwise(claim, quoted):
        return True
    if ours.denied and not theirs.negates and not _alike(ours, theirs):
        turned = (are_opposite_forms(claim.tokens[k].key, key) for k in ours.denied for key in quoted.keys)
        return not any(turned)
    return not ours.conditional and any(_opposes(claim.tokens, *pole, quoted) for pole in ours.poles)


def _alike(ours: Polarity, theirs: Polarity) -> bool:
    """Whether both take the same side anywhere: "did not accept" and "rejected"."""
    return not {pole[1:] for pole in ours.poles}.isdisjoint(pole[1:] for pole in theirs.poles)


def _opposes(tokens: Sequence[Token], k: int, number: int, sign: int, quoted: Reading) -> bool:
    """Whether the quoted sentences take the other side of a pair of opposites, where they speak of the same."""
    others = [(j, side) for j, pair, side in polarity_of(quoted).poles if pair == number]
    near = [_nearness(tokens, k, quoted.tokens, j) for j, _ in others]
    return bool(others) and all(side != sign for (_, side), n in zip(others, near, strict=True) if n == max(near))


def _denies_otherwise(claim: Reading, quoted: Reading) -> bool:
    """Whether a word is denied in one and not in the other, where it stands among the same words."""
    ours, theirs = polarity_of(claim), polarity_of(quoted)
    for k, token in enumerate(claim.tokens):
        if token.kind not in ("word", "name"):
            continue
        places = _likest(claim.tokens, k, quoted.tokens)
        if places and all(_differ(ours, k, theirs, j, token.key != quoted.tokens[j].key) for j in places):
            return True
    return False


def _differ(ours: Polarity, k: int, theirs: Polarity, j: int, are_opposite: bool) -> bool:
    if are_opposite:
        return (k in ours.reached) == (j in theirs.reached)
    if (k in ours.denied) != (j in theirs.denied) and (k in ours.reached) != (j in theirs.reached):
        return True
    left, right = ours.depth.get(k, 0), theirs.depth.get(j, 0)
    return (
        min(left, right) > 0
        and max(left, right) > 1
        and (k in ours.denied or j in theirs.denied)
        and (left - right) % 2 == 1
    )


def _likest(tokens: Sequence[Token], k: int, others: Sequence[Token]) -> list[int]:
    """Where ``others`` has the word of token ``k``, or else its opposite form, among most of the same words."""
    key = tokens[k].key
    same = [j for j, other in enumerate(others) if other.key == key and other.kind in ("word", "name")]
    places = same or [j for j, other in enumerate(others) if are_opposite_forms(key, other.key)]
    if len(places) < 2:
        return places
    near = [_nearness(tokens, k, others, j) for j in places]
    return [j for j, shared in zip(places, near, strict=True) if shared == max(near)]


def _nearness(tokens: Sequence[Token], k: int, others: Sequence[Token], j: int) -> int:
    """How many of the words around are the same; those that follow count twice."""
    before = _words(tokens[max(0, k - 4) : k]) & _words(others[max(0, j - 4) : j])
    return len(before) + 2 * len(_words(tokens[k + 1 : k + 6]) & _words(others[j + 1 : j + 6]))


def _words(tokens: Sequence[Token]) -> frozenset[str]:
    return frozenset(token.key for token in tokens if token.kind in ("word", "name"))


def overstates(claim: Reading, quoted: Reading) -> bool:
    """Whether ``claim`` says that something happened which ``quoted`` calls possible, intended or demanded."""
    ours, theirs = polarity_of(claim), polarity_of(quoted)
    for key in theirs.hedged - ours.hedged:
        once = sum(token.key == key for token in quoted.tokens) == 1
        if once and any(_happened(claim.tokens, k) for k in _at(claim, key)):
            return True
    return False


def _at(reading: Reading, key: str) -> Iterator[int]:
    return (k for k, token in enumerate(reading.tokens) if token.key == key)


def _happened(tokens: Sequence[Token], k: int) -> bool:
    """Whether token ``k`` is told as done: a past form, or after "was" or "has", and after no word that hedges it."""
    token = tokens[k]
    before = [t.text.lower() for t in tokens[max(0, k - 3) : k]]
    if token.kind != "word" or any(_hedges(tokens, j) for j in range(max(0, k - 6), k)):
        return False
    past = token.text.endswith("ed") or key_of(token.text) != stem(token.text.lower())
    if past and (not before or before[-1] not in ("a", "an", "the", "of")):
        return True
    return bool(before) and (
        before[-1] in _DONE or (before[-1].endswith("ly") and before[-2:-1] != [] and before[-2] in _DONE)
    )
