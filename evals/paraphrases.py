"""Right statements made from stored sentences by rules that keep their meaning: the other half of ``evals.mutations``.

Each rule gives the same statement in other words, or None where it has nothing to change.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Rule = Callable[[str], str | None]

MONTHS = "January February March April May June July August September October November December".split()
MONTH = "|".join(MONTHS)
SPELLED = "zero one two three four five six seven eight nine ten eleven twelve".split()
SAYS = r"said|told|claimed|alleged|accused|blamed|reported|announced|argued|denied|according|warned|stated"
_DATE = re.compile(
    rf"(?<![-–/\d])(?<!\d to )(?<!\d and )(?<!\d or )\b(\d{{1,2}}(?:[-–]\d{{1,2}})?) ({MONTH})(?: (\d{{4}}))?\b(?! \d)"
)
_REWORDED = (
    ("said", "stated"),
    ("about", "around"),
    ("more than", "over"),
    ("nearly", "almost"),
    ("wounded", "injured"),
    ("began", "started"),
    ("shut", "closed"),
    ("asked for", "requested"),
    ("told", "informed"),
    ("such as", "like"),
    ("many", "numerous"),
    ("known as", "called"),
    ("located", "situated"),
    ("important", "significant"),
    ("often", "frequently"),
    ("several", "a number of"),
    ("because", "since"),
    ("did not", "didn't"),
    ("had not", "hadn't"),
    ("was not", "wasn't"),
    ("is not", "isn't"),
    ("would", "will"),
    ("had been", "was"),
    ("used", "employed"),
    ("however", "though"),
)
_DROPPABLE = re.compile(
    r",\s+(?:including|while|whereas|which|where|with|after|although|though|but|when|as|citing|mostly|especially|particularly|making"
    r"|leaving|so)\b[^,;]*\.$"
)
_LOSS = re.compile(rf"\b(?:{SAYS}|not|no|never|without|unless|until|if)\b", re.I)


def _lower_first(text: str) -> str:
    """Without the capital of a first word that is no name."""
    first = re.match(
        r"(?:The|A|An|It|In|On|At|By|This|That|These|Those|There|He|She|They|For|No|Some|Three|Two|Each)\b", text
    )
    return text[0].lower() + text[1:] if first else text


def verbatim(sentence: str) -> str:
    """The sentence itself."""
    return sentence


def framed(sentence: str) -> str:
    """Introduced by "The brief says that"."""
    return f"The brief says that {_lower_first(sentence)}"


def shortened(sentence: str) -> str | None:
    """Without its last subordinate clause, where that says neither who says so nor what is not so."""
    match = _DROPPABLE.search(sentence)
    if match is None or _LOSS.search(match.group()) or len(sentence[: match.start()].split()) < 6:
        return None
    return sentence[: match.start()] + "."


def spelled(sentence: str) -> str | None:
    """Small numbers as words and the other way round, "%" for percent, "$" for USD."""

    def other(match: re.Match[str]) -> str:
        return SPELLED[int(match.group())] if int(match.group()) < len(SPELLED) else match.group()

    changed = re.sub(
        rf"(?<![\d.,–/-])(?<!USD )\b[2-9]\b(?![\d,.–/%-]| (?:{MONTH}|billion|million|percent))", other, sentence
    )
    if changed == sentence:
        for value, word in enumerate(SPELLED[2:], 2):
            changed = re.sub(rf"\b{word}\b(?!-)", str(value), changed)
    changed = re.sub(r" per ?cent\b", "%", changed)
    changed = re.sub(r"\bUSD (?=\d)", "$", changed)
    return changed if changed != sentence else None


def dated(sentence: str) -> str | None:
    """Dates as in "November 8, 2025" and "November 6–7"."""

    def other(match: re.Match[str]) -> str:
        days, month, year = match.groups()
        return f"{month} {days}, {year}" if year else f"{month} {days}"

    changed = _DATE.sub(other, sentence)
    return changed if changed != sentence else None


def abbreviated(sentence: str) -> str | None:
    """The abbreviation alone for a name with its abbreviation in brackets."""
    changed = re.sub(r"(?:[A-Z][\w'-]*\s(?:(?:of|for|and|the)\s)?)+\(([A-Z]{2,})\)", r"\1", sentence)
    return changed if changed != sentence else None


def moved(sentence: str) -> str | None:
    """With "according to X" for "X said that", and "X said that" for a trailing "X said"."""
    match = re.match(rf"([A-Z][^,;:“\"]{{2,60}}?) said(?: on \d+ (?:{MONTH})(?: \d{{4}})?)? that (.+)$", sentence)
    if match and not re.match(r"(?:He|She|They|It|Those|The (?:latter|former))\b", sentence):
        return f"According to {_lower_first(match.group(1))}, {match.group(2)}"
    match = re.match(r"([^;:“\"]+), ([A-Z][\w .’'-]{2,60}) (said|reported)\.$", sentence)
    return f"{match.group(2)} {match.group(3)} that {_lower_first(match.group(1))}." if match else None


def reworded(sentence: str) -> str | None:
    """Common words replaced by others that mean the same."""
    changed = sentence
    for word, other in _REWORDED:
        changed = re.sub(rf"\b{word}\b", other, changed)
    return changed if changed != sentence else None


def combined(sentence: str) -> str | None:
    """Several rules at once."""
    changed = sentence
    for rule in (shortened, spelled, dated, abbreviated, reworded, moved):
        changed = rule(changed) or changed
    return changed if changed != sentence else None


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (verbatim, framed, shortened, spelled, dated, abbreviated, moved, reworded, combined)
}
