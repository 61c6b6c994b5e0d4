"""Questions that set actors side by side, as one question for each actor; no model is needed.

"How do Pakistan and Kabul differ on the Durand Line?" is looked up as "Pakistan on the Durand Line" and "Kabul on the
Durand Line". Names that merely stand together ("trade between Pakistan and Afghanistan") are not compared.
"""

from __future__ import annotations

import re

from assistant.parts import Part, parts_of

LONGEST = 400
"""Characters of a question from which on it is not taken for a comparison."""
_ASKING = r"(?!(?i:what|who|whose|which|where|when|why|how|is|are|was|were|do|does|did|compare|between|and|or|the)\b)"
_NAME = rf"(?:{_ASKING}[A-Z][\w-]*(?: (?:of (?:the )?)?{_ASKING}[A-Z][\w-]*){{0,3}})"
_PLAIN = rf"(?:{_ASKING}[a-z][\w-]+)"
_OWN = r"(?:['’]s|(?<=s)['’])"


def _row(name: str) -> str:
    """Two to four names in a row, each with or without a possessive ending."""
    end = rf"{_OWN}?"
    link = r"(?:,? (?:and|or|versus|vs\.?) (?:with )?(?:the )?)"
    return rf"(?P<row>{name}{end}(?:, (?:the )?{name}{end}){{0,2}}{link}{name}{end})(?![\w'’-])"


_DIFFER = r"(?:differ(?:s|ed)?|compared?|disagrees?|diverges?|contrast)"
_EACH = rf"(?=.*\b(?:{_DIFFER}|each|stand|respectively)\b)"
_HEARD = r"(?P<lead>(?i:please )?(?i:compare|contrast)\b(?: (?!and\b)[a-z]+){0,5}?) (?:both )?(?:the )?"
_ASKED = r"(?P<lead>.*\b(?i:how|where|what|which)(?: [a-z]+){0,3} (?:do|does|did|have|has)) (?:both )?(?:the )?"
_BETWEEN = r"(?P<lead>(?:[a-zA-Z][a-z']+ ){0,4}(?i:differences?|gap|contrast|comparison)(?: \w+)? between) (?:the )?"
_PATTERNS = tuple(
    re.compile(f"^{pattern}(?P<rest>.*)$")
    for pattern in (
        _HEARD + _row(_NAME),
        _ASKED + _row(_NAME) + _EACH,
        _BETWEEN + _row(_NAME),
        rf"(?P<lead>)(?:the )?(?P<row>{_NAME}{_OWN}? (?:versus|vs\.?) (?:the )?{_NAME}{_OWN}?)(?![\w'’-])",
        _HEARD + _row(_PLAIN) + r"(?= (?:on|in|over|about|as)\b|['’])",
        _ASKED + _row(_PLAIN) + _EACH,
        rf"(?P<lead>.*?)(?P<row>(?:{_NAME}{_OWN}, )?{_NAME}{_OWN},? and (?:the )?{_NAME}{_OWN})(?= \w)",
    )
)
_LAST = rf"(?:the )?(?P<two>{_NAME})"
_OWNERS = tuple(
    re.compile(rf"^(?P<lead>{lead})(?:the )?(?P<one>{_NAME}){_OWN} (?P<thing>{thing}){link} {_LAST}{end}$")
    for lead, thing, link, end in (
        (r"(?i:compare|contrast) ", r".+?", r",? (?:with|to|and)(?: that of| those of)?", rf"(?:{_OWN}(?: \w+)?)"),
        (r".*?", r".+?", rf" {_DIFFER} (?:from|with|to)(?: that of| those of)?", rf"(?:{_OWN}(?: \w+)?)?"),
        (r".*?", r"[^,'’\"]+?", r",? and(?: (?:what|where|how)(?: [a-z]+){1,2})?", _OWN),
    )
)


def compared(question: str) -> tuple[Part, ...]:
    """One part for each actor that ``question`` compares, under the actor's name as it stands there; none if it does not."""
    text = question.rstrip("?!. ")
    if len(text) > LONGEST:
        return ()
    for pattern in _PATTERNS if len(parts_of(question)) == 1 else ():
        match = pattern.match(text)
        if match:
            names = re.split(r",? (?:and|or|versus|vs\.?) (?:with )?|, ", match["row"])
            return tuple(_part(match["lead"], name.removeprefix("the "), match["rest"], question) for name in names)
    for pattern in _OWNERS:
        match = pattern.match(text)
        if match:
            actors = (f"{match['one']}'s", f"{match['two']}'s")
            return tuple(_part(match["lead"], actor, f" {match['thing']}", question) for actor in actors)
    return ()


def _part(lead: str, name: str, rest: str, question: str) -> Part:
    """What is asked of one actor: the question without the others and without what says that they are compared."""
    lead, rest = f" {lead} ", f"{rest} "
    if re.search(rf"\b{_DIFFER}\b", lead + rest, re.I) or " between " in lead:
        lead = re.sub(r"(?i) (?:please |compare |contrast )+(?:the )?| how (?:do|does|did) |.* between ", " ", lead)
    rest = re.sub(rf" (?:{_DIFFER}|each|respectively)\b(?: from| with| to)?", "", rest)
    alone = f"{re.sub(' do $', ' does ', re.sub(' have $', ' has ', lead))}{name}{rest}"
    return Part(" ".join(alone.split()).strip(" ,"), question, re.sub(rf"{_OWN}$", "", name))
