"""JUnit XML: a test case for each gate and each case, as servers that run tests read it.

It is red exactly when the gates are: a case that fails within what the gates allow, or as it did in the baseline, is
skipped with the reason, as test runners do it with failures that are expected.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from evals.gates import Verdict
from evals.judging import Judged, Run, account, reasons
from evals.running import CaseResult

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold."""


def junit(run: Run) -> str:
    """The run as ``<testsuites>``. Drafts, gates that no case is scored for, and expected failures are skipped."""
    root = ET.Element("testsuites", name="briefs eval")
    for judged in run.suites:
        root.append(_suite(judged, run.at))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(judged: Judged, at: str) -> ET.Element:
    result = judged.result
    suite = ET.Element(
        "testsuite", name=_clean(result.suite.name), timestamp=at.removesuffix("+00:00"), time=f"{result.seconds:.3f}"
    )
    for verdict in judged.verdicts:
        suite.append(_gate(verdict, result.suite.name))
    known = {*judged.changes.same} - {*judged.changes.broken} if judged.changes else set()
    for one in result.results:
        suite.append(_case(one, result.suite.name, expected=judged.passed or one.case.id in known))
    for draft in result.drafts:
        case = ET.SubElement(suite, "testcase", name=draft, classname=_clean(f"{result.suite.name}.drafts"), time="0")
        ET.SubElement(case, "skipped", message="draft")
    suite.set("tests", str(len(suite)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    return suite


def _gate(verdict: Verdict, suite: str) -> ET.Element:
    case = ET.Element("testcase", name=_clean(verdict.name), classname=_clean(f"{suite}.gates"), time="0")
    if verdict.passed is False:
        failure = ET.SubElement(case, "failure", message=_clean(verdict.why), type="gate")
        failure.text = _clean("\n".join(f"worse: {case_id}" for case_id in verdict.worse))
    elif verdict.passed is None:
        ET.SubElement(case, "skipped", message=_clean(verdict.why))
    return case


def _case(one: CaseResult, suite: str, *, expected: bool) -> ET.Element:
    seconds = (one.answer.timings_ms.get("total", 0.0) if one.answer else 0.0) / 1000
    case = ET.Element(
        "testcase", name=_clean(one.case.id), classname=_clean(f"{suite}.{one.case.kind}"), time=f"{seconds:.3f}"
    )
    lines = reasons(one)
    if lines and expected and not one.error:
        ET.SubElement(case, "skipped", message=_clean(f"expected failure: {lines[0]}"))
    elif lines:
        tag = "error" if one.error else "failure"
        failure = ET.SubElement(case, tag, message=_clean(lines[0]), type=one.failures[0] if one.failures else "error")
        told = (f"{name}:\n" + "\n".join(f"  {line}" for line in found) for name, found in account(one).items())
        failure.text = _clean("\n".join(told))
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
