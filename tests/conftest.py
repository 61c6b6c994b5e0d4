"""What several test modules need: small corpora, settings that point into a temporary folder, a Chroma server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from ports import await_port, free_port

from index.build import build
from index.embedding.minilm import MiniLM
from index.settings import Settings

ROOT = Path(__file__).absolute().parent.parent
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
TOPICS = {
    "border": ("Border closure", "Pakistan closed the Torkham crossing on 12 October 2025. Trucks waited for weeks."),
    "talks": ("Talks in Istanbul", "Delegations met in Istanbul under Turkish mediation. No text was signed."),
    "aid": ("Aid corridor", "The United Nations asked for a humanitarian corridor. Islamabad let aid trucks pass."),
    "trade": ("Trade routes", "Afghan traders turned to Iranian ports. Transit through Chabahar doubled in a month."),
}
"""Name: title and body of a small brief."""


def write_brief(folder: Path, name: str, title: str, body: str, **metadata: str) -> Path:
    """One Markdown brief with front matter."""
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    front = "".join(f"{key}: {value}\n" for key, value in {"title": title, **metadata}.items())
    path.write_text(f"---\n{front}---\n# {title}\n\n{body}\n", encoding="utf-8")
    return path


def write_topics(folder: Path) -> None:
    """The four small briefs of ``TOPICS``."""
    for name, (title, body) in TOPICS.items():
        write_brief(folder, name, title, body, published="2025-12-01")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder of four small briefs on different things."""
    write_topics(tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture
def settings(tmp_path: Path, corpus: Path) -> Settings:
    """Settings for ``corpus``, with an empty store beside it."""
    return Settings(corpus=corpus, store=tmp_path / "store")


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    write_topics(folder / "corpus")
    build(Settings(corpus=folder / "corpus", store=folder / "store"))
    return folder / "store"


@pytest.fixture
def indexed(settings: Settings, _built: Path) -> Settings:
    """``settings`` with a store that is up to date; a copy, so that tests may change it."""
    shutil.copytree(_built, settings.store)
    return settings


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings for the demonstration briefs with an index that is up to date; nothing may change it."""
    settings = Settings(corpus=ROOT / "corpus", store=tmp_path_factory.mktemp("demonstration") / "store")
    build(settings)
    return settings


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    """The embedded embedder, loaded once."""
    return MiniLM(verify=True)


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The ``vector_url`` of a Chroma server on the loopback."""
    port = free_port()
    program = shutil.which("chroma", path=str(Path(sys.executable).parent)) or "chroma"
    folder = tmp_path_factory.mktemp("chroma-server")
    command = [program, "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            await_port(port, server)
            yield f"chroma+http://127.0.0.1:{port}/test"
        finally:
            server.terminate()


@pytest.fixture(params=["embedded", "server"])
def any_backend(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """``settings`` with the vectors inside the store, then with the vectors on a server."""

    if request.param == "embedded":
        return settings
    return settings.model_copy(update={"vector_url": request.getfixturevalue("chroma_url")})
