"""A summary in Markdown, short enough for a pull request: what fell and what changed first, the rest folded."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evals.gates import Verdict
from evals.judging import Judged, Run, estimate_rows, kind_table, reasons
from evals.running import CaseResult

SHOWN = 25
"""Cases that are listed one by one; the HTML report has all."""
LONGEST = 400
"""Characters that are shown of why a case failed."""
_MARKS = {True: "passed", False: "**failed**", None: "not scored"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@!&]|:(?=//)|(?<=www)\.)")
"""What Markdown could take for markup, a mention or an address."""


def markdown(run: Run) -> str:
    """The run in Markdown. Words of briefs and cases are escaped: they make no links, images or mentions."""
    commit = f" of {_text(run.commit)}" if run.commit else ""
    head = [f"# Evaluation: {'passed' if run.passed else 'failed'}", f"{run.at}{commit}"]
    return "\n\n".join([*head, *(part for judged in run.suites for part in _suite(judged))]) + "\n"


def _suite(judged: Judged) -> list[str]:
    result, failed = judged.result, judged.failed_cases
    fallen = [verdict for verdict in judged.verdicts if verdict.passed is False]
    held = len(judged.verdicts) - len(fallen)
    broken, mended = (judged.changes.broken, judged.changes.mended) if judged.changes else ((), ())
    newly = [one for one in failed if one.case.id in broken]
    parts = [
        f"## {_text(result.suite.name)}: {'passed' if judged.passed else 'failed'}",
        f"{judged.counts} {held} of {len(judged.verdicts)} gates hold.",
        "\n".join(f"- {_text(remark)}" for remark in judged.remarks()),
        _gates(fallen),
        _cases("Failing now, passing in the baseline:", newly),
        f"Passing now, failing in the baseline: {', '.join(f'`{case}`' for case in mended)}" if mended else "",
        _compared([verdict for verdict in judged.verdicts if verdict.before is not None]),
        _folded(f"All {len(judged.verdicts)} gates", _gates(judged.verdicts)),
        _folded("By kind", _table(*kind_table(result))),
        _folded("All figures", _table(["figure", "value", "95 % interval", "cases"], estimate_rows(result))),
        _folded(f"All {len(failed)} failed cases", _cases("", failed)) if failed else "",
    ]
    return [part for part in parts if part]


def _gates(verdicts: Sequence[Verdict]) -> str:
    rows = [[verdict.name, _MARKS[verdict.passed], verdict.why] for verdict in verdicts]
    return _table(["gate", "verdict", "found"], rows, numbers=False) if rows else ""


def _compared(verdicts: Sequence[Verdict]) -> str:
    """Scores that changed since the baseline, and how many have not."""
    changed = [verdict for verdict in verdicts if verdict.worse or verdict.better]
    rows = [
        [
            verdict.score.replace("_", " "),
            f"{verdict.before:.3f}",
            f"{verdict.value:.3f}",
            str(len(verdict.worse)),
            str(len(verdict.better)),
            f"{verdict.p:.3f}",
        ]
        for verdict in changed
    ]
    if not rows:
        return "No score changed since the baseline." if verdicts else ""
    same = f"\n\n{len(verdicts) - len(rows)} other scores are the same." if len(rows) < len(verdicts) else ""
    return _table(["against the baseline", "before", "now", "worse", "better", "p"], rows) + same


def _cases(heading: str, cases: Sequence[CaseResult]) -> str:
    lines = [f"- `{one.case.id}` {_text(_cut('; '.join(reasons(one))))}" for one in cases[:SHOWN]]
    lines += [f"- and {len(cases) - SHOWN} more"] if len(cases) > SHOWN else []
    return "\n".join([*([heading, ""] if heading else []), *lines]) if lines else ""


def _folded(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    marks = ["---"] + ["---:" if numbers else "---"] * (len(headings) - 1)
    cells = [[cell if cell in _MARKS.values() else _text(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (list(headings), marks, *cells))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
