"""Advertising inside a text: filler spliced into sentences for search engines, and promotion of the publisher.

Both are found by their form, never by topic:

- filler is an invitation in the imperative ("Find out more about <keywords> guide") at the start of a sentence. A stray
  second full stop before it, a keyword tail after it, or the same invitation again elsewhere gives it away;
- promotion invites to the publisher's own pages ("explore our previous deep dive into ...");
- furniture is a line of its own, such as "Read more: ...", that no author writes as a sentence.
"""

from __future__ import annotations

import re

from index.types import Span

_INVITATION = (
    r"(?:(?:find|figure)\s+out|learn|read|discover|see|know|get|explore|check\s+out|dive|delve|click\s+here"
    r"|uncover|understand)"
    r"(?:\s+(?:here|to\s+(?:learn|read|find\s+out|discover)))?"
    r"\s+(?:(?:even\s+)?(?:more|deeper|further|all)(?:\s+(?:information|details|insights?|here))?\s+"
    r"(?:about|on|regarding|into|how|why|what)|(?:all|everything)\s+about|(?:deeper\s+)?into)\b"
)
_TAIL = (
    r"(?:guides?|tips|strateg(?:y|ies)|overview|definition|tutorials?|examples?|explained|insights|techniques"
    r"|best\s+practices"
    r"|checklist|basics|methods|tools|resources|benefits|meaning|summary|review|facts|statistics|trends|solutions"
    r"|services|101|ideas)"
)
_FILLER = re.compile(
    rf"(?P<stray>[.!?:;,…][\"”’')\]*_]{{0,5}}[.])?(?P<edge>^|(?<=[.!?:;…\"”’)\]*_])"
    rf"|[.])(?P<gap>[ \t]{{0,9}}(?:[-*•>#|][ \t]{{1,9}}){{0,9}}[*_\[]{{0,5}})"
    rf"(?P<filler>(?P<stem>{_INVITATION})[^\n.!?]{{2,160}}?(?:\.(?=\w|\s+(?-i:[a-z]))[^\n.!?]{{1,80}}?){{0,3}}"
    rf"(?P<tail>\s{_TAIL})?)(?P<end>[*_\]]*(?:[.!?](?=\s|$|[*_])|$))",
    re.IGNORECASE | re.MULTILINE,
)
_STRONG = re.compile(r"(?:find\s+out|learn|discover|click\s+here)[\s\w]*\s(?:about|on)$", re.IGNORECASE)
_REPORTED = re.compile(
    r"[\"”»]|\b(?:said|says|told|urged|asked|wrote|advised|added)\b|,\s+(?:and|but|or|then)\b", re.IGNORECASE
)

_PAGES = (
    r"(?:articles?|posts?|blogs?|guides?|deep[- ]dives?|coverage|explainers?|analys[ei]s|newsletters?|podcasts?"
    r"|series|stor(?:y|ies)"
    r"|features?|reports?|hub|page|site|website|channel|archives?|pieces?|breakdowns?|overviews?|resources?"
    r"|webinars?|library)"
)
_PROMOTION = re.compile(
    rf"(?:^|(?<=[.!?…][ \t])|(?<=,\s))(?:please\s+|and\s+|you\s+can\s+(?:also\s+)?)?"
    rf"(?:explore|see|read|check\s+out|visit|browse|discover|consult|dive\s+into|take\s+a\s+look\s+at"
    rf"|have\s+a\s+look\s+at|refer\s+to"
    rf"|subscribe\s+to|sign\s+up\s+(?:for|to)|download|join|follow|listen\s+to|watch|bookmark)\s+"
    rf"our\s+(?:[\w’'-]+\s+){{0,5}}?{_PAGES}\b",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.!?…]{1,5}[\"”’')\]*_]{0,5}(?=\s|$)|$", re.MULTILINE)
_SENTENCE_START = re.compile(
    r"(?:^[ \t]{0,9}(?:[-*•>#][ \t]{1,9}){0,9}|[.!?…][\"”’')\]*_]{0,5}[ \t]{1,9})(?=\S)", re.MULTILINE
)

_FURNITURE = re.compile(
    r"""^[ \t]{0,9}(?:[-*•>|][ \t]{1,9}){0,9}[*_\[(]{0,5}(?:
        (?:read|see)\ (?:more|also|next)\b\W?.*:.* | (?:read|see)\ (?:more|also|next)[.…]*
      | also(?::\ see|\ read:|\ see:)\ .*
      | related(?::.*)?
      | (?:related|recommended|more)\ (?:articles?|stor(?:y|ies)|posts?|content|links?|coverage|reading)(?::.*)?
      | don['’]t\ miss | most\ (?:read|popular)\b.{0,40} | trending(?:\ now)? | you\ (?:may|might)\ also\ like.{0,30}
      | filed\ under:.* | tags:.* | \d+\ comments?
      | (?:click|tap)\ here\b.{0,120} | (?:get|download)\ (?:the|our|fox)\ .{0,40}\bapp\b.{0,30}
      | (?:subscribe|sign\ up)\b.{0,120}\b(?:newsletter|e-?mail|updates|alerts|inbox|channel|podcast)s?\b.{0,120}
      | .{0,80}\bdelivered\ (?:straight\ |directly\ |right\ )?(?:to|through)\ your\ (?:inbox|letterbox|door)\b.{0,120}
      | (?:thanks?|thank\ you)\ for\ (?:signing\ up|subscribing).{0,60} | an\ error\ has\ occurred\b.{0,80}
      | follow\ (?:us|me|@\w+|[\w .’'-]{3,60})\ on\ (?:twitter|x|facebook|instagram|linkedin|telegram|threads)\b.{0,120}
      | (?:share|print|e-?mail|tweet|pin)\ (?:this\ )?(?:article|story|page|post)\b.{0,30}
      | order\ reprints | tweet | (?:link|share)\ this
      | advertisement | sponsored(?:\ content)? | (?:additional\ |with\ )?reporting\ by\ .{3,250} | edited\ by\ .{3,80}
      | (?:©|\(c\)|copyright\ (?:©|\(c\)|\d{4})).{0,160} | all\ rights\ reserved\b.{0,80}
      | this\ copy\ is\ for\ your\ personal\b.*
      | .{0,60}\b(?:we\ use|this\ (?:web)?site\ uses)\ cookies\b.{0,250}
      | (?:accept|reject|manage)\ (?:all\ )?cookies.{0,40}
      | skip\ to\ (?:main\ )?content | back\ to\ top | leave\ a\ (?:reply|comment) | log\ in | sign\ in | _{3,}
    )[*_\])|]{0,5}[ \t]{0,9}$""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_LEAD_IN = re.compile(
    r"\W*(?:for|to|if|want|interested|looking|curious|need|in\s+case|while|before|once)\b", re.IGNORECASE
)


def find_filler(text: str) -> list[Span]:
    """Ranges of ``text`` that advertise: spliced filler, promotion sentences and lines of page furniture.

    Filler takes the stray full stop before it along; the sentence around it stays whole.

    >>> text = "Trust is gone.. Find out more about border talks guide."
    >>> [text[a:b] for a, b in find_filler(text)]
    ['. Find out more about border talks guide.']
    """
    return [*_filler(text), *_promotion(text), *(match.span() for match in _FURNITURE.finditer(text))]


def _filler(text: str) -> list[Span]:
    found = list(_FILLER.finditer(text))
    stems: dict[str, int] = {}
    for match in found:
        stem = " ".join(match["stem"].casefold().split())
        stems[stem] = stems.get(stem, 0) + 1
    spans = []
    for match in found:
        again = stems[" ".join(match["stem"].casefold().split())] > 1
        capital = match["stem"][0].isupper() or match["stem"].isupper()
        plain = capital and bool(_STRONG.match(match["stem"])) and not _REPORTED.search(match["filler"])
        if match["stray"] or (capital and (match["tail"] or again)) or plain:
            spans.append((_start(text, match), match.end()))
    return spans


def _start(text: str, match: re.Match[str]) -> int:
    """Where the filler begins: at the stray stop, at a stop after a heading, else after the sentence before."""
    if match["stray"]:
        return match.end("stray") - 1
    edge = match.start("gap")
    line = text[text.rfind("\n", 0, edge) + 1 : edge]
    if line.endswith(".") and not line.endswith("..") and _is_heading(line[:-1]):
        return edge - 1
    return edge


def _is_heading(line: str) -> bool:
    if line.lstrip().startswith("#"):
        return True
    words = [word for word in re.findall(r"[^\W\d_][\w’'-]*", line) if len(word) > 4]
    return bool(words) and all(word[0].isupper() for word in words)


def _promotion(text: str) -> list[Span]:
    """Sentences that invite to the publisher's own pages, or the last clause of one that says something else first."""
    spans = []
    for match in _PROMOTION.finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        starts = [
            start.end() for start in _SENTENCE_START.finditer(text, line, match.end()) if start.end() <= match.start()
        ]
        sentence = starts[-1] if starts else match.start()
        clause = text.rfind(",", sentence, match.start() + 1)
        start = sentence if clause < 0 or _LEAD_IN.match(text, sentence) else clause
        end = _SENTENCE_END.search(text, match.end())
        spans.append((start, end.end() if end else len(text)))
    return spans
