"""Who says it and who does it to whom: attributions kept, and the places of two names around one verb."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from assistant.verification.names import Evidence, Lexicon, belongs, has_owner, runs, same_name, share_name, stands_for
from assistant.verification.reading import Reading, Token, key_of
from index.lexical import stem

_SPEECH = frozenset(
    stem(word)
    for word in (
        "say tell claim allege announce report state argue accuse blame deny warn declare insist maintain describe confirm add repeat "
        "disclose according quote cite estimate count judge portray promise suggest note account call assert contend reiterate reaffirm "
        "acknowledge admit stress inform emphasise complain demand propose reject expect conclude find believe view consider allegation "
        "accusation denial statement word dispute put give name"
    ).split()
)
"""Words that tell who says so."""
_BINDING = frozenset(
    stem(word)
    for word in "say claim allege argue accuse blame deny insist maintain according account tell allegation contend".split()
)
"""Of these, the ones that make a sentence somebody's word: it may not be told as a fact."""
_NAMED = _BINDING | {stem(word) for word in ("report", "warn", "announce")}
_TURNS = frozenset("but while whereas although though however".split())
_BREAKS = _TURNS | {"and"}
_INVERTED = frozenset(stem(word) for word in ("say", "add", "report", "announce", "note"))
"""Verbs that stand before their subject after a quotation."""
_DETERMINERS = frozenset("the a an this that these those any its their his her both no".split())
_NOUN = re.compile(r"(?:ence|ments?|tions?)$")
_LINKS = frozenset("by from to against toward towards into onto".split())


@dataclass(frozen=True, slots=True)
class Attribution:
    """One "X said that Y": the word that says so, the names of the speaker, the stems of what is said."""

    key: str
    speakers: tuple[Token, ...]
    said: frozenset[str]


def attributions(reading: Reading, words: frozenset[str] = _SPEECH) -> list[Attribution]:
    """Every attribution in ``reading``, in order."""
    tokens = reading.tokens
    found = []
    for k, token in enumerate(tokens):
        if token.kind == "word" and token.key in words and not _is_noun(tokens, k):
            left, right = _clause(tokens, k)
            if token.key == stem("according"):
                speakers = [t for t in tokens[k + 1 : right] if t.kind == "name"]
                said = [t for t in tokens if t not in speakers]
            else:
                speakers = [t for t in tokens[left:k] if t.kind == "name"] or _around(tokens, k, right)
                after = [t for t in _rest(tokens, k) if t.kind in ("word", "name", "value") and t not in speakers]
                said = after if len(after) > 1 and not _ends_clause(tokens, k + 1) else list(tokens)
            found.append(Attribution(token.key, tuple(speakers), frozenset(t.key for t in said if t.key)))
    return found


def _is_noun(tokens: Sequence[Token], k: int) -> bool:
    """Whether a word that may tell who says so is a thing here: "insistence", "both sides' claims"."""
    word = tokens[k].text.lower()
    before = tokens[k - 1].text.lower() if k else ""
    if word in ("claim", "claims") and (k + 1 == len(tokens) or tokens[k + 1].kind in ("break", "word")):
        return True
    owned = before in _DETERMINERS or before.endswith(("'s", "’s", "s'", "s’"))
    return _NOUN.search(word) is not None or (owned and word not in ("account", "count"))


def _rest(tokens: Sequence[Token], k: int) -> Iterator[Token]:
    """What follows token ``k`` up to "while", "but" or the end of the sentence."""
    for token in tokens[k + 1 :]:
        if (token.kind == "break" and token.text in ";:.!?") or token.text.lower() in _TURNS:
            return
        yield token


def _clause(tokens: Sequence[Token], k: int) -> tuple[int, int]:
    left = k
    while left > 0 and not _ends_clause(tokens, left - 1):
        left -= 1
    right = k + 1
    while right < len(tokens) and not _ends_clause(tokens, right):
        right += 1
    return left, right


def _ends_clause(tokens: Sequence[Token], k: int) -> bool:
    """Whether token ``k`` ends a clause; "and" does not between two names."""
    if k >= len(tokens):
        return True
    token = tokens[k]
    if token.kind == "stop" and token.key == "and" and 0 < k < len(tokens) - 1:
        return tokens[k - 1].kind != "name" or tokens[k + 1].kind != "name"
    return (token.kind == "break" and token.text in ",;:.!?") or token.text.lower() in _BREAKS


def _around(tokens: Sequence[Token], k: int, right: int) -> list[Token]:
    """Names after the verb ("said Mujahid"), else those anywhere before it ("Mujahid, the spokesman, said")."""
    following = tokens[k + 1 : right]
    if tokens[k].key in _INVERTED and following and following[0].kind == "name" and len(following) < 7:
        return [t for t in following if t.kind == "name"]
    return [t for t in tokens[:k] if t.kind == "name"]


def misattributes(claim: Reading, evidence: Evidence, lexicon: Lexicon) -> bool:
    """Whether ``claim`` gives the words to another speaker than the evidence, or tells as a fact what is somebody's word.

    A claim keeps the attribution when it has any, or names the speaker at all: "UNHCR received" for "UNHCR said that it
    had received".
    """
    ours = attributions(claim)
    theirs = attributions(evidence.reading)
    if not ours:
        return _tells_as_fact(claim, evidence, lexicon)
    return any(one.speakers and one.key in _NAMED and not _says_it_too(one, theirs, evidence, lexicon) for one in ours)


def _says_it_too(one: Attribution, theirs: Sequence[Attribution], evidence: Evidence, lexicon: Lexicon) -> bool:
    """Whether the evidence has these speakers, or nobody by name, say what is most like it."""
    alike = [other for other in theirs if other.key == one.key]
    best = max((len(one.said & other.said) for other in theirs), default=0)
    for other in theirs:
        near = len(one.said & other.said) * 2 > best or [other] == alike
        if near and (not other.speakers or _speaks_for(one, other.speakers, evidence, lexicon)):
            return True
    return not theirs


def _speaks_for(one: Attribution, spoken: Sequence[Token], evidence: Evidence, lexicon: Lexicon) -> bool:
    """Whether the speakers are the same or the brief ties them: "Pakistan's spokesman" for one that is nobody else's."""
    if same_name(one.speakers, spoken, lexicon):
        return True
    for ours in one.speakers:
        for theirs in spoken:
            if belongs(ours, theirs, evidence.brief) or belongs(theirs, ours, evidence.brief):
                return True
    owner = one.speakers[0].text.endswith(("'s", "’s")) or one.speakers[0].text.endswith(("i", "n", "se", "sh"))
    return owner and not any(has_owner(name, evidence.brief) for name in spoken)


def _tells_as_fact(claim: Reading, evidence: Evidence, lexicon: Lexicon) -> bool:
    for one in attributions(evidence.reading, _BINDING):
        content = {token.key for token in claim.content}
        concerns = len(content & one.said) * 2 >= len(content)
        if concerns and not any(stands_for(name, [name], claim, lexicon) for name in one.speakers):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Seat:
    """A word with the names nearest to it on either side, in its sentence, and whether "by" turns them round."""

    key: str
    left: tuple[Token, ...]
    right: tuple[Token, ...]
    is_passive: bool


@lru_cache(maxsize=4096)
def _seats(reading: Reading) -> tuple[_Seat, ...]:
    tokens = reading.tokens
    found = runs(reading)
    seats = []
    for k, token in enumerate(tokens):
        if token.kind == "word" or (token.kind == "stop" and token.key in _LINKS):
            low, high = _sentence(tokens, k)
            left = next((run for run in reversed(found) if low <= run[0].start and run[-1].end <= token.start), [])
            right = next((run for run in found if token.end <= run[0].start and run[-1].end <= high), [])
            seats.append(_Seat(token.key, tuple(left), tuple(right), _is_passive(tokens, k)))
    return tuple(seats)


def _is_passive(tokens: Sequence[Token], k: int) -> bool:
    """Whether "by" and somebody follow a verb closely; "by 28 February" is nobody."""
    for j in range(k + 1, min(k + 5, len(tokens) - 1)):
        if tokens[j].text.lower() == "by":
            return tokens[k].kind == "word" and _is_past(tokens[k]) and tokens[j + 1].kind not in ("value", "break")
        if tokens[j].kind == "break":
            return False
    return False


def _sentence(tokens: Sequence[Token], k: int) -> tuple[int, int]:
    """Offsets of the sentence, or the part of it up to a semicolon, that holds token ``k``."""
    stops = [t.start for t in tokens if t.kind == "break" and t.text in ";:.!?"]
    at = tokens[k].start
    return max((s for s in stops if s < at), default=0), min((s for s in stops if s > at), default=tokens[-1].end)


def _is_past(token: Token) -> bool:
    return token.text.endswith("ed") or key_of(token.text) != stem(token.text.lower())


def swaps_roles(claim: Reading, quoted: Reading, lexicon: Lexicon) -> bool:
    """Whether two names have changed places around a word: "A attacked B" for "B attacked A".

    Lists ("A and B agreed") have no order, and "was attacked by" turns it round.
    """
    theirs: dict[str, list[_Seat]] = {}
    for seat in _seats(quoted):
        if seat.left and seat.right:
            theirs.setdefault(seat.key, []).append(seat)
    for seat in _seats(claim):
        others = theirs.get(seat.key)
        if not others or not seat.left or not seat.right or share_name(seat.left, seat.right, lexicon):
            continue
        kept = any(_matches(seat, other, lexicon, swapped=seat.is_passive != other.is_passive) for other in others)
        turned = any(_matches(seat, other, lexicon, swapped=seat.is_passive == other.is_passive) for other in others)
        if turned and not kept:
            return True
    return _misplaces(claim, quoted, lexicon)


def _matches(ours: _Seat, theirs: _Seat, lexicon: Lexicon, *, swapped: bool) -> bool:
    left, right = (theirs.right, theirs.left) if swapped else (theirs.left, theirs.right)
    return same_name(ours.left, left, lexicon) and same_name(ours.right, right, lexicon)


def _misplaces(claim: Reading, quoted: Reading, lexicon: Lexicon) -> bool:
    """Whether a name stands where the quoted sentences have another, between the same two words, and never its own place."""
    theirs = [(run, *_neighbours(quoted, run)) for run in runs(quoted)]
    for run in runs(claim):
        before, after = _neighbours(claim, run)
        own = [o for o in theirs if same_name(run, o[0], lexicon)]
        if any((before and before == o[1]) or (after and after == o[2]) or not (o[1] or o[2]) for o in own):
            continue
        if any(before and (before, after) == (o[1], o[2]) for o in theirs if o not in own):
            return True
    return False


def _neighbours(reading: Reading, run: Sequence[Token]) -> tuple[str, str]:
    """Stems of the words before and after a name, empty where another name or the end of the clause comes first."""
    tokens = reading.tokens
    first, last = tokens.index(run[0]), tokens.index(run[-1])
    return _word(tokens[:first][::-1]), _word(tokens[last + 1 :])


def _word(tokens: Sequence[Token]) -> str:
    """The nearest word of ``tokens`` with the stop words before it: "in represented" is another place than "represented"."""
    passed: list[str] = []
    for token in tokens:
        if token.kind == "word":
            return " ".join((*passed, token.key))
        if token.kind != "stop":
            break
        if token.key not in _DETERMINERS:
            passed.append(token.key)
    return ""
