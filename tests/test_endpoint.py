"""The model endpoint against a server that misbehaves over real HTTP: every fault ends in time, in one marked line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asking import KEY, LIMIT_S, MESSAGES, SCHEMA, ask, drips, heard, in_time, model_settings
from command import clean_environment
from scripted_model import ScriptedModel, Stage, hangs, says, status, then

from assistant.generative.caller import Caller
from assistant.generative.limits import Budget
from assistant.generative.records import Delta, Finish


def test_a_whole_answer_with_its_tokens() -> None:
    with ScriptedModel(says("It closed ", "on 12 October.")) as model:
        text, finish = ask(model, model_price_in=100, model_price_out=1000)
    assert (text, finish.reason, finish.truncated) == ("It closed on 12 October.", "stop", False)
    assert (finish.usage.prompt_tokens, finish.usage.completion_tokens, finish.usage.estimated) == (11, 7, False)
    assert finish.usage.cost == pytest.approx((11 * 100 + 7 * 1000) / 1e6)
    (asked,) = model.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body["messages"] == MESSAGES
    assert asked.body["stream"] is True


def test_tokens_are_estimated_where_the_server_does_not_count() -> None:
    with ScriptedModel(says("abcd" * 5, usage=None)) as model:
        _, finish = ask(model, model_between_s=LIMIT_S)
    assert finish.reason == "stop"
    assert finish.usage.estimated
    assert finish.usage.completion_tokens == 5
    assert finish.usage.prompt_tokens == pytest.approx(sum(len(m["content"]) for m in MESSAGES) / 4, abs=2)


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        _, finish = heard(Caller(model_settings(url, model_retries=1)))
    assert finish.reason == "error"
    assert "no connection" in str(finish.error)


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that takes connections and never says anything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def full() -> Iterator[str]:
    """An address whose queue of connections is full: a connection is never made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        for one in waiting:
            one.close()


def test_a_connection_that_is_never_made(full: str) -> None:
    _, finish = in_time(model_settings(f"http://{full}/v1", model_connect_s=LIMIT_S))
    assert finish.reason == "timeout"
    assert "model_connect_s" in str(finish.error)


def test_encryption_that_is_never_agreed(deaf: str) -> None:
    _, finish = in_time(model_settings(f"https://{deaf}/v1", model_connect_s=LIMIT_S))
    assert (finish.reason, "model_connect_s" in str(finish.error)) == ("timeout", True)


def test_a_name_that_is_never_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        over.wait(30)
        raise socket.gaierror("late")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    _, finish = in_time(model_settings("http://127.0.0.1:9/v1", model_connect_s=LIMIT_S))
    over.set()
    assert finish.reason == "timeout"


def chatters(stage: Stage) -> None:
    """Comments and empty events for ever, but no token."""
    while True:
        stage.raw(b": still here\n\n")
        stage.event({"choices": [{"index": 0, "delta": {"content": ""}}]})
        time.sleep(0.01)


@pytest.mark.parametrize("play", [hangs, then(do=Stage.hang), then(do=chatters)], ids=["mute", "head", "chatter"])
def test_a_first_token_that_never_comes(play: Any) -> None:
    with ScriptedModel(play) as model:
        text, finish = in_time(model_settings(model.url, model_first_s=LIMIT_S, model_retries=3))
        assert model.was_left(5)
        assert len(model.asked) == 1
    assert (text, finish.reason) == ("", "timeout")
    assert "model_first_s" in str(finish.error)


@pytest.mark.parametrize("do", [Stage.hang, chatters])
def test_a_stall_in_the_middle(do: Any) -> None:
    with ScriptedModel(then("It closed", do=do)) as model:
        text, finish = in_time(model_settings(model.url, model_between_s=LIMIT_S))
        assert model.was_left(5)
    assert (text, finish.reason, finish.truncated) == ("It closed", "stalled", True)
    assert finish.usage.estimated
    assert finish.usage.completion_tokens > 0


@pytest.mark.parametrize("play", [hangs, drips])
def test_the_whole_time_is_kept(play: Any) -> None:
    with ScriptedModel(play) as model:
        text, finish = in_time(model_settings(model.url, model_total_s=LIMIT_S, model_retries=3))
        assert model.was_left(5)
    assert (bool(text), finish.reason) == (play is drips, "timeout")
    assert "model_total_s" in str(finish.error)


def test_a_reader_that_takes_its_time_is_no_stall() -> None:
    with ScriptedModel(says(*"abcdef")) as model:
        text = ""
        for record in Caller(model_settings(model.url, model_between_s=LIMIT_S)).stream(MESSAGES):
            if isinstance(record, Delta):
                text += record.text
                time.sleep(LIMIT_S * 1.5 if len(text) < 3 else 0)
            else:
                assert record.reason == "stop"
    assert text == "abcdef"


def test_thinking_that_is_not_shown_is_no_stall() -> None:
    def thinks(stage: Stage) -> None:
        stage.begin()
        for _ in range(10):
            stage.token("hmm", "reasoning_content")
            time.sleep(LIMIT_S / 3)
        stage.token("Twelve.")
        stage.conclude()
        stage.end()

    with ScriptedModel(thinks) as model:
        text, finish = ask(model, model_first_s=LIMIT_S * 2, model_between_s=LIMIT_S * 2)
    assert (text, finish.reason) == ("Twelve.", "stop")


def ends(stage: Stage) -> None:
    stage.end()


def closes(stage: Stage) -> None:
    """The connection ends without the end of the stream."""


@pytest.mark.parametrize(
    "play",
    [
        then("It closed", do=Stage.cut),
        then("It closed", do=closes),
        then("It closed", do=ends),
        says("It closed", finish=None),
        says("It closed", finish="tool_calls"),
    ],
    ids=["reset", "closed", "no finish reason", "null finish reason", "strange finish reason"],
)
def test_an_answer_without_its_end_is_cut(play: Any) -> None:
    with ScriptedModel(play) as model:
        text, finish = ask(model, model_retries=3)
        assert len(model.asked) == 1, "what has been shown is not asked for again"
    assert (text, finish.reason, finish.truncated) == ("It closed", "cut", True)


def test_a_cut_after_the_end_cuts_nothing() -> None:
    def play(stage: Stage) -> None:
        stage.begin()
        stage.token("whole")
        stage.conclude()
        stage.cut()

    with ScriptedModel(play) as model:
        assert ask(model)[1].reason == "stop"


def test_a_cut_before_the_first_token_is_tried_again() -> None:
    with ScriptedModel(Stage.cut, then(do=Stage.cut), says("fine")) as model:
        assert ask(model, model_retries=2)[0] == "fine"


def test_an_answer_of_full_length_is_marked() -> None:
    with ScriptedModel(says("It closed", finish="length")) as model:
        _, finish = ask(model)
    assert (finish.reason, finish.truncated, "model_tokens" in str(finish.error)) == ("length", True, True)


def sends(data: bytes) -> Any:
    return lambda stage: stage.raw(data)


@pytest.mark.parametrize("before", [(), ("It closed",)])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'data: {"error": {"message": "overloaded", "code": "busy"}}\n\n', "it said: overloaded"),
        (b"data: {broken\n\n", "not the JSON"),
        (b'data: "\xff"\n\n', "not the JSON"),
    ],
)
def test_a_fault_inside_the_stream(before: tuple[str, ...], data: bytes, words: str) -> None:
    with ScriptedModel(then(*before, do=sends(data))) as model:
        text, finish = ask(model)
    assert (text, finish.reason, finish.truncated) == ("".join(before), "error", True)
    assert words in str(finish.error)


@pytest.mark.parametrize("data", [b"[1]", b"7", b"null", b'{"choices": 3}', b'{"choices": [null]}', b'{"a": 1}'])
def test_events_that_mean_nothing_are_not_taken_for_an_answer(data: bytes) -> None:
    def play(stage: Stage) -> None:
        stage.begin()
        stage.raw(b"data: " + data + b"\n\n")
        stage.end()

    with ScriptedModel(play) as model:
        text, finish = ask(model)
    assert text == ""
    assert finish.reason in {"cut", "error"}


@pytest.mark.parametrize("kind", ["text/html", "application/json", ""])
def test_another_type_of_content(kind: str) -> None:
    def play(stage: Stage) -> None:
        stage.answer(200, b"<html>welcome</html>", {"Content-Type": kind})

    with ScriptedModel(play) as model:
        text, finish = ask(model)
    assert (text, finish.reason) == ("", "error")
    assert "expected text/event-stream" in str(finish.error)


def test_a_prompt_beyond_the_context_of_the_model() -> None:
    words = "This model's maximum context length is 64 tokens, however you requested 80"
    with ScriptedModel(status(400, words, "context_length_exceeded")) as model:
        finish = heard(Caller(model_settings(model.url)), schema=SCHEMA)[1]
        assert len(model.asked) == 1, "asking without the schema would not help"
    assert "model_context" in str(finish.error)


def test_ten_times_the_tokens_asked_for() -> None:
    def play(stage: Stage) -> None:
        stage.begin()
        for _ in range(200):
            stage.token("abcdefghijklmnopqrst")
        stage.conclude("length")
        stage.end()

    with ScriptedModel(play) as model:
        text, finish = ask(model, model_tokens=20)
        assert model.asked[0].body["max_tokens"] == 20
    assert finish.reason == "limit"
    assert len(text) == 160


def floods(stage: Stage) -> None:
    """A line without an end."""
    stage.begin()
    while True:
        stage.raw(b"data: " + b"x" * 65_536)


def floods_an_error(stage: Stage) -> None:
    stage.send_response(400)
    stage.send_header("Transfer-Encoding", "chunked")
    stage.end_headers()
    while True:
        stage.raw(b"x" * 65_536)


def packs(stage: Stage) -> None:
    stage.begin(headers={"Content-Encoding": "gzip"})
    stage.hang()


@pytest.mark.parametrize("play", [floods, floods_an_error, packs])
def test_more_than_an_answer_can_have(play: Any) -> None:
    with ScriptedModel(play) as model:
        text, finish = ask(model)
        assert model.was_left(5)
    assert (text, finish.reason) == ("", "limit")


@pytest.mark.parametrize("code", [400, 422, 500])
def test_a_server_that_repeats_the_prompt_and_the_key(code: int) -> None:
    def play(stage: Stage) -> None:
        said = json.dumps({"error": {"message": f"bad input: {stage.asked.body['messages']}, {KEY[:9]}"}})
        stage.answer(code, said.encode())

    with ScriptedModel(play) as model:
        error = str(ask(model)[1].error)
    assert "it said" not in error
    assert KEY[:9] not in error


def test_a_server_speaks_for_itself_in_a_line() -> None:
    with ScriptedModel(status(500, "disk\x1b[31m is\nfull " + "x" * 999)) as model:
        error = str(ask(model)[1].error)
    assert "it said: disk [31m is full xxx" in error
    assert len(error) < 400


def test_closing_the_iterator_closes_the_connection() -> None:
    with ScriptedModel(drips) as model:
        stream = Caller(model_settings(model.url)).stream(MESSAGES)
        assert isinstance(next(stream), Delta)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        assert model.was_left(5)
    for thread in threading.enumerate():
        if thread.name == "model":
            thread.join(5)
            assert not thread.is_alive()


def test_a_wish_to_stop_is_noticed_while_nothing_comes() -> None:
    with ScriptedModel(hangs) as model:
        budget = Budget(model_settings(model.url, model_first_s=60, model_total_s=60))
        stream = Caller(model_settings(model.url, model_first_s=60, model_total_s=60)).stream(MESSAGES, budget=budget)
        threading.Timer(0.3, budget.stopped.set).start()
        (finish,) = stream
        assert isinstance(finish, Finish) and finish.reason == "stopped"
        assert model.was_left(5)
        (again,) = Caller(model_settings(model.url)).stream(MESSAGES, budget=budget)
        assert isinstance(again, Finish) and again.reason == "stopped"


def test_many_at_once() -> None:
    def play(stage: Stage) -> None:
        words = stage.asked.body["messages"][0]["content"].split()
        says(*words)(stage)

    with ScriptedModel(play) as model, ThreadPoolExecutor(8) as pool:
        caller = Caller(model_settings(model.url, model_between_s=1))

        def one(number: int) -> bool:
            *deltas, finish = caller.stream([{"role": "user", "content": f"{number} " * 20}])
            assert isinstance(finish, Finish)
            text = "".join(delta.text for delta in deltas if isinstance(delta, Delta))
            return text == str(number) * 20 and finish.reason == "stop"

        assert all(pool.map(one, range(24)))


def test_leaving_in_the_middle_says_nothing(tmp_path: Path) -> None:
    """A program that ends, by Ctrl-C or by itself, while the model still writes does so without noise."""
    with ScriptedModel(drips) as model:
        code = (
            "import os\nimport signal\nfrom assistant.generative.caller import Caller\nfrom index.settings import load_settings\n"
            "stream = Caller(load_settings()).stream([{'role': 'user', 'content': 'When?'}])\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores\n"
            "next(stream)\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n    list(stream)\n"
            "except KeyboardInterrupt:\n    print('stopped')\n"
        )
        variables = {"BRIEFS_ENGINE": "model", "BRIEFS_MODEL_URL": model.url, "BRIEFS_MODEL_NAME": "small"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=clean_environment(variables),
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    assert (done.stdout, done.stderr) == ("stopped\n", "")
