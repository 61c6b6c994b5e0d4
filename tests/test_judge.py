"""A model's opinion of answers: how it is asked, what becomes of its replies, and what its agreement is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import settle
from scripted_model import ScriptedModel, Stage
from writing import Parrot

from assistant import Answer, Citation, Statement
from assistant.cli import main
from evals.judge import LABELLED, PINNED, PROMPT, _labelled, kappa, opinion
from index.settings import Settings

CITED = Citation(1, "a", "a.md", "A", None, "closed the Torkham crossing", 0, 27)
ANSWER = Answer(
    "When?",
    "answered",
    "",
    1.0,
    (Statement("Torkham was closed.", (1,)), Statement("No.", (), unsupported="x")),
    (CITED,),
)
CASES = """
suite: own
cases:
  - id: one
    kind: fact
    question: When was the Torkham crossing closed?
    answerable: true
    facts: [{any: ["12 October 2025"]}]
    spans: [{brief: border, quote: Pakistan closed the Torkham crossing on 12 October 2025.}]
"""


def test_agreement_is_with_right_and_wrong_statements() -> None:
    labels = [label for _, label in _labelled()]
    assert (len(labels), sum(labels)) == (LABELLED, LABELLED / 2)
    told = opinion(Parrot('{"follows": true}'), [ANSWER])
    assert (told.agreement, told.kappa, told.labelled) == (0.5, 0.0, LABELLED)
    assert (told.follows, told.statements, told.unreadable, told.prompt) == (1.0, 1, 0, PINNED)
    assert "agrees with 50.0% of 40 labels, kappa 0.00" in str(told)


def test_a_judge_that_knows_the_labels_agrees() -> None:
    told = opinion(Parrot(*(f'{{"follows": {json.dumps(label)}}}' for _, label in _labelled()), "```{}```"), [ANSWER])
    assert (told.agreement, told.kappa) == (1.0, 1.0)
    assert (told.statements, told.follows, told.unreadable) == (0, 0.0, 1)


@pytest.mark.parametrize("reply", ["", "yes", "[]", '{"follows": "true"}', '{"follows": 1}', "{", '{"a": {}}'])
def test_a_reply_that_is_no_verdict_counts_nowhere(reply: str) -> None:
    told = opinion(Parrot(reply), [ANSWER])
    assert (told.labelled, told.statements, told.kappa, told.unreadable) == (0, 0, None, LABELLED + 1)


def test_the_statement_and_its_quotes_are_sent() -> None:
    speaker = Parrot('{"follows": true}')
    opinion(speaker, [ANSWER])
    system, user = speaker.asked[-1]
    assert system["content"] == PROMPT
    assert json.loads(user["content"]) == {"statement": "Torkham was closed.", "quotations": [CITED.quote]}


def test_kappa_by_hand() -> None:
    pairs = [(True, True)] * 4 + [(True, False)] * 2 + [(False, False)] * 3 + [(False, True)]
    assert kappa(pairs) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert kappa([(True, True)]) is None


def test_an_opinion_decides_nothing(
    indexed: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that thinks badly of everything: the run passes as it would without."""

    def never(stage: Stage) -> None:
        stage.begin()
        stage.token('{"follows": false}')
        stage.conclude("stop")
        stage.end()

    place = settle(indexed, tmp_path)
    (place / "own").mkdir()
    (place / "own" / "cases.yaml").write_text(CASES, encoding="utf-8")
    monkeypatch.chdir(place)
    plain = run(capsys, "own")
    with ScriptedModel(never) as model:
        monkeypatch.setenv("BRIEFS_MODEL_URL", model.url)
        monkeypatch.setenv("BRIEFS_MODEL_NAME", "judge")
        judged = run(capsys, "own", "--judge")
    assert plain["code"] == judged["code"]
    assert judged["opinion"]["follows"] == 0.0
    assert judged["opinion"]["agreement"] == 0.5
    assert "opinion" not in plain


def run(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    code = main(["eval", *options, "--json"])
    said = capsys.readouterr()
    assert said.out, said.err
    found: dict[str, Any] = json.loads(said.out)
    return {**found, "code": code}
