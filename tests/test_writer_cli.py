"""What the command line shows of a model: its answers, what went wrong, and whether it can be reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import briefs, settle
from scripted_model import ScriptedModel, hangs, says, status
from writing import Said, reply

from assistant.cli.ask import rendered
from assistant.types import Answer, Statement
from index.settings import Settings

CLOSED: Said = (
    "Pakistan closed the Torkham crossing on 12 October 2025.",
    "S1",
    "Pakistan closed the Torkham crossing on 12 October 2025",
)
ASKED = "When was the Torkham crossing closed?"


@pytest.fixture
def place(indexed: Settings, tmp_path: Path) -> Path:
    """A folder with a corpus and an index where the command looks for them by default."""
    return settle(indexed, tmp_path)


def variables(model: ScriptedModel, **more: str) -> dict[str, str]:
    values = {"engine": "model", "model_url": model.url, "model_name": "small", "model_retries": "0", **more}
    return {f"BRIEFS_{name.upper()}": value for name, value in values.items()}


def checks(place: Path, name: str, environment: dict[str, str], expected: int = 0) -> dict[str, dict[str, Any]]:
    """The checks of one name by their group."""
    found = json.loads(briefs("doctor", "--json", cwd=place, expected=expected, variables=environment).stdout)
    return {check["group"]: check for check in found["checks"] if check["name"] == name}


def test_ask_names_who_wrote_the_answer(place: Path) -> None:
    with ScriptedModel(says(reply(CLOSED))) as model:
        told = briefs("ask", ASKED, cwd=place, variables=variables(model)).stdout
        assert f"{CLOSED[0]} [1]" in told
        assert f"written by small at {model.url}" in told


def test_ask_tells_what_went_wrong_and_answers(place: Path) -> None:
    with ScriptedModel(status(503)) as model:
        done = briefs("ask", ASKED, cwd=place, variables=variables(model))
        lines = json.loads(briefs("ask", ASKED, "--json", cwd=place, variables=variables(model)).stdout)
    assert "quoted from the briefs instead" in done.stdout
    assert "written by" not in done.stdout
    assert "Traceback" not in done.stderr
    assert (lines["engine"], "503" in lines["notice"]) == ("extractive", True)


def test_readings_are_numbered_and_what_is_struck_out_says_why() -> None:
    told = rendered(
        Answer("q", "abstained", "Which?", 0.5, readings=("What did A agree in B?", "What did C agree in D?"))
    )
    assert "1. What did A agree in B?" in told
    assert "2. What did C agree in D?" in told
    struck = Statement("It was open.", (), unsupported="a date differs")
    told = rendered(Answer("q", "answered", "", 0.5, statements=(struck,), notice="Something went wrong."))
    assert "Not borne out (a date differs): ~~It was open.~~" in told
    assert "Something went wrong." in told


def test_doctor_tries_the_model(place: Path) -> None:
    assert checks(place, "model", {})["configured"]["detail"].startswith("none is asked")
    with ScriptedModel(says("yes")) as model:
        found = checks(place, "model", variables(model))
        assert [check["status"] for check in found.values()] == ["ok", "ok"]
        assert f"small at {model.url}" in found["configured"]["detail"]
        assert [one.body["messages"] for one in model.asked] == [[{"role": "user", "content": "Say yes."}]]
    with ScriptedModel(hangs) as model:
        found = checks(place, "model", variables(model, model_first_s="0.5"), expected=1)
        assert found["reachable"]["status"] == "fail"
        assert "model_first_s" in found["reachable"]["detail"]


def test_doctor_warns_of_a_model_that_is_not_set_up(place: Path) -> None:
    found = checks(place, "model", {"BRIEFS_ENGINE": "model"}, expected=1)
    assert (found["configured"]["status"], "model_" in found["configured"]["detail"]) == ("fail", True)
