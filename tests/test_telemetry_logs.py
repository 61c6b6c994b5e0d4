"""The log: one form for everybody's lines, and no secret in it."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from pathlib import Path

import logged
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logged import Log, logging_to
from pydantic import SecretStr
from streamlit.logger import get_logger

from index.settings import Settings
from ui.telemetry.logs import REDACTED, Redaction
from ui.telemetry.logs import log as log_event

log = logged.log
TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


def test_lines_of_libraries_have_the_same_form(log: Log) -> None:
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.\nGET /secret")
    get_logger("streamlit.made.later").error("gone wrong: %s", "why")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("an old way", UserWarning, stacklevel=1)
    logging.getLogger("httpx").info("HTTP Request: POST http://x/?q=1")
    logging.getLogger("openai").debug("Request options: {'json_data': {'messages': []}}")
    lines = log.of("line")
    assert [line["logger"] for line in lines] == ["uvicorn.error", "streamlit.made.later", "py.warnings"]
    assert lines[0]["message"] == "Invalid HTTP request received."
    assert lines[1]["message"] == "gone wrong: why"
    assert lines[2]["message"].endswith("UserWarning: an old way")


def test_errors_are_classes_and_places(log: Log) -> None:
    try:
        int("hidden words")
    except ValueError:
        logging.getLogger("somebody").exception("failed\n  on hidden words")
    (line,) = log.lines
    assert (line["message"], line["error"]) == ("failed", "ValueError")
    assert line["locations"][0].endswith("test_errors_are_classes_and_places")
    assert "hidden" not in log.getvalue()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_errors_that_nobody_caught(log: Log) -> None:
    def fail() -> None:
        raise KeyError("hidden words")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except KeyError:
        sys.excepthook(*sys.exc_info())
    assert [(line["event"], line["error"]) for line in log.lines] == [("error", "KeyError")] * 2
    assert "hidden" not in log.getvalue()


def test_people_see_warnings_alone_and_in_words() -> None:
    out = Log()
    out.terminal = True
    with logging_to(out, Settings()):
        log_event("requests", "request", status=200)
        logging.getLogger("uvicorn.error").warning("something is odd")
        log_event(
            "requests", "error", logging.ERROR, error="ValueError", locations=["a.py:1 f", "b.py:2 g"], request_id="r1"
        )
    assert out.getvalue().splitlines() == [
        "warning: something is odd",
        "error: ValueError: b.py:2 g (request r1)",
    ]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-ghi", "abc"),
        ("'authorization': 'Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
        ("sent Bearer s3cr3t, got 401", "s3cr3t"),
        ("Cookie: a=b; session=Zm9v", "Zm9v"),
        (f"token {TOKEN} has expired", "eyJ"),
        ("key bk_4f2a_Zm9vYmFyYmF6 is revoked", "Zm9v"),
        ("openai: incorrect key sk-proj-abcdefghijkl", "abcdefghijkl"),
        ("redis://user:hunter2@cache:6379 is down", "hunter2"),
        ("GET /api/v1/briefs?region=hidden&q=words", "hidden"),
        ("api_key=12345678", "12345678"),
        ('{"client_secret": "abcdefg"}', "abcdefg"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIE\n-----END PRIVATE KEY-----", "MC4C"),
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str, secret: str) -> None:
    shown = Redaction(Settings())({"message": ["x", text]})["message"][1]
    assert REDACTED in shown
    assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "/usr/lib/python3/site-packages/streamlit/runtime/app_session.py:12 run",
        "prompt_tokens",
        "is this a question? yes",
        "http://127.0.0.1:4318/v1/traces",
        "asked bk_ nothing",
    ],
)
def test_what_does_not_is_left_alone(text: str) -> None:
    assert Redaction(Settings())(text) == text


@given(
    st.text(min_size=4, max_size=40).filter(lambda value: value.strip() == value),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_no_secret_of_the_settings_is_ever_written(secret: str, before: str, after: str) -> None:
    redaction = Redaction(Settings(model_key=SecretStr(secret)))
    assert not any(secret in part for part in redaction(before + secret + after).split(REDACTED))
    assert redaction({"deep": [{"er": secret}]}) == {"deep": [{"er": REDACTED}]}


def test_a_key_in_a_file_is_known_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("qwertzuiop\n")
    asked = {"engine": "model", "model_url": "http://127.0.0.1:1/v1", "model_name": "m"}
    settings = Settings.model_validate({**asked, "model_key_file": str(tmp_path / "key")})
    assert Redaction(settings)("it said qwertzuiop") == f"it said {REDACTED}"
