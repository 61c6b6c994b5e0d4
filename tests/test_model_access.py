"""Where a question may go and with which key; the endpoint as LlamaIndex sees it; what is imported when."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import KEY, LIMIT_S, MESSAGES, SCHEMA, ask, in_time, model_settings
from command import clean_environment
from pydantic import SecretStr
from scripted_model import ScriptedModel, Stage, hangs, says, status, then

from assistant.generative.access import access_of
from assistant.generative.caller import Caller
from assistant.generative.connection import SENT, _trust
from assistant.generative.records import Finish
from index.errors import ModelError, SettingsError
from index.settings import load_settings


def test_only_the_key_that_is_set_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Leak: from-the-environment\nAuthorization: from-the-environment")
    with ScriptedModel(says("ok")) as model:
        ask(model)
        ask(model, model_key=SecretStr(""))
    with_key, without = ({name.lower(): value for name, value in asked.headers.items()} for asked in model.asked)
    assert with_key["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in without
    assert set(with_key) <= SENT | {"authorization", "accept-encoding"}
    assert "from-the-environment" not in str([with_key, without])


def test_proxies_and_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModel(says("elsewhere")) as elsewhere:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere.url.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        redirect = status(307, location=f"{elsewhere.url}/chat/completions")
        with ScriptedModel(says("here"), redirect) as model:
            assert ask(model)[0] == "here"
            text, finish = ask(model)
        assert (text, finish.reason) == ("", "error")
        assert "redirects" in str(finish.error)
        assert elsewhere.asked == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback that only itself vouches for, and its key."""
    program = shutil.which("openssl")
    if not program:
        pytest.skip("openssl, which makes the certificate, is missing")
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name]
    subprocess.run([*command, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text(), encoding="ascii")
    return file


@pytest.fixture
def _reads_trust_anew() -> Iterator[None]:
    _trust.cache_clear()
    yield
    _trust.cache_clear()


@pytest.mark.usefixtures("_reads_trust_anew")
def test_only_a_trusted_certificate_is_talked_to(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModel(says("private"), certificate=certificate) as model:
        finish = ask(model)[1]
        assert (finish.reason, "SSL_CERT_FILE" in str(finish.error)) == ("error", True)
        assert model.asked == []
        _trust.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        assert ask(model)[0] == "private"


@pytest.mark.usefixtures("_reads_trust_anew")
@pytest.mark.parametrize("play", [hangs, then("It closed", do=hangs)])
def test_waiting_ends_in_time_when_encrypted(play: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    with ScriptedModel(play, certificate=certificate) as model:
        limits = {"model_first_s": 5 * LIMIT_S, "model_between_s": LIMIT_S}
        assert in_time(model_settings(model.url, **limits))[1].reason in {"timeout", "stalled"}
        assert model.was_left(5)


def test_encryption_with_a_server_that_has_none() -> None:
    with ScriptedModel(says("plain")) as model:
        _, finish = ask(model, model_url=model.url.replace("http:", "https:"))
    assert (finish.reason, "encryption" in str(finish.error)) == ("error", True)


def test_a_key_alone_chooses_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("BRIEFS_MODEL_KEY", KEY)
    monkeypatch.setenv("BRIEFS_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("BRIEFS_MODEL_NAME", "small")
    settings = load_settings()
    assert settings.engine == "extractive"
    with pytest.raises(SettingsError, match="engine is extractive"):
        Caller(settings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_url": ""}, "no http or https address"),
        ({"model_url": "127.0.0.1:8080"}, "no http or https address"),
        ({"model_url": "ftp://host/v1"}, "no http or https address"),
        ({"model_url": "http://host:port/v1"}, "Port"),
        ({"model_url": f"https://user:{KEY}@host/v1"}, "holds a user"),
        ({"model_url": f"https://host/v1?key={KEY}"}, "a query"),
        ({"model_name": " "}, "model_name"),
        ({"model_cost_limit": 1}, "model_price_in"),
        ({"model_key_file": "key.txt"}, "both set"),
        ({"model_key": SecretStr("two words")}, "one word"),
        ({"model_key": SecretStr("sk-é")}, "one word"),
        ({"model_key": SecretStr(""), "model_key_file": "missing.txt"}, "No such file"),
        ({"model_key": SecretStr(""), "model_key_file": "."}, "Is a directory"),
    ],
)
def test_settings_that_cannot_be_used(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        access_of(model_settings("http://127.0.0.1:9/v1").model_copy(update=changes))
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 20_000, b"a\nb"])
def test_a_key_file_that_holds_no_key(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="model_key_file"):
        access_of(model_settings("http://127.0.0.1:9/v1", model_key=SecretStr(""), model_key_file=str(file)))


def test_a_key_file_is_read_and_its_exposure_told(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    settings = model_settings("https://host/v1", model_key=SecretStr(""), model_key_file=str(file))
    file.chmod(0o600)
    access = access_of(settings)
    assert (access.key.get_secret_value(), access.warnings) == (KEY, ())
    file.chmod(0o644)
    (warning,) = access_of(settings).warnings
    assert "chmod 600" in warning


def test_unencrypted_addresses_elsewhere_are_told() -> None:
    (warning,) = access_of(model_settings("http://models.example/v1")).warnings
    assert "without encryption" in warning
    assert "and the key" in warning
    assert access_of(model_settings("http://localhost:1/v1/")).warnings == ()


def test_nothing_shows_the_key() -> None:
    settings = model_settings("http://127.0.0.1:9/v1")
    access = access_of(settings)
    assert (
        KEY not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()} {access} {access!r}"
    )
    assert str(access) == "small at http://127.0.0.1:9/v1"


@pytest.mark.parametrize("text", [f"model_kye = '{KEY}'", f"model_key = ['{KEY}']", f"model_key = {{a = '{KEY}'}}"])
def test_errors_in_settings_do_not_show_a_key(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "briefs.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert KEY not in str(raised.value)
    assert raised.value.__cause__ is None


def test_llamaindex_asks_through_the_endpoint() -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.core.prompts import PromptTemplate

    from assistant.generative.endpoint import Endpoint

    with ScriptedModel(says("It ", "closed.")) as model:
        endpoint = Endpoint(model_settings(model.url))
        assert endpoint.complete("When?").text == "It closed."
        assert [r.delta for r in endpoint.stream_complete("When?")] == ["It ", "closed.", ""]
        chat = [ChatMessage(role="system", content="Short."), ChatMessage(role="user", content="When?")]
        response = endpoint.chat(chat)
        assert (response.message.content, response.additional_kwargs["finish_reason"]) == ("It closed.", "stop")
        assert response.additional_kwargs["prompt_tokens"] == 11
        assert [r.message.content for r in endpoint.stream_chat(chat)][-1] == "It closed."
        assert model.asked[-1].body["messages"] == [
            {"role": "system", "content": "Short."},
            {"role": "user", "content": "When?"},
        ]
        assert endpoint.predict(PromptTemplate("When was {it} closed?"), it="Torkham") == "It closed."
        assert endpoint.metadata.model_name == "small"
        assert endpoint.metadata.is_chat_model
        assert KEY not in f"{endpoint!r} {endpoint.to_dict()}"
        *deltas, finish = endpoint.stream_messages(MESSAGES, SCHEMA)
        assert (len(deltas), isinstance(finish, Finish)) == (2, True)


def test_llamaindex_never_gets_half_an_answer_unmarked() -> None:
    from assistant.generative.endpoint import Endpoint

    with ScriptedModel(then("half", do=Stage.cut), says("short", finish="length")) as model:
        endpoint = Endpoint(model_settings(model.url))
        with pytest.raises(ModelError, match="connection broke"):
            endpoint.complete("When?")
        assert endpoint.complete("When?").additional_kwargs["finish_reason"] == "length"


def test_the_model_is_not_imported_before_it_is_asked() -> None:
    code = (
        "import sys, assistant.generative.access, assistant.generative.records, assistant.generative.drafting, assistant.cli;"
        "print(sorted({'openai', 'httpx', 'llama_index'} & set(sys.modules)));"
        "import assistant.generative.caller; print('llama_index' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["[]", "False"]
