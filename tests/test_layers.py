"""Who may import whom, as docs/architecture.md draws it, and where third-party libraries may be imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parent.parent
ALLOWED = {
    "index": {"index"},
    "assistant": {"assistant", "index"},
    "evals": {"assistant", "evals", "index"},
    "ui": {"assistant", "index", "ui"},
}
BY_NAME = {
    "assistant/cli/launch.py": {
        *("evals.cli", "evals.calibration"),
        *("ui.server", "ui.api.mcpserver", "ui.access.commands", "ui.access.startup"),
    }
}
"""The one place that starts what is built upon the assistant, by name and only when asked to."""
HOME = {
    "chromadb": {"index/vectors.py"},
    "onnxruntime": {"index/embedding/minilm.py", "assistant/reader.py", "evals/training/"},
    "torch": {"evals/training/"},
    "spellchecker": {"index/spelling.py"},
    "llama_index": {"index/embedding/llama.py", "assistant/generative/endpoint.py"},
    "openai": {"assistant/generative/connection.py"},
    "httpx": {"assistant/generative/connection.py"},
    "streamlit": {"ui/", "evals/pagesession.py"},
    "fastapi": {"ui/api/", "ui/server.py"},
    "limits": {"ui/api/rates.py"},
    "uvicorn": {"ui/server.py", "ui/connection.py", "ui/portal/"},
    "opentelemetry": {"index/otlp.py"},
    "prometheus_client": {"ui/telemetry/metrics.py"},
    "websockets": {"evals/pagesession.py"},
    "jwt": {"ui/access/tokens.py"},
    "cryptography": {"ui/access/tokens.py"},
    "mcp": {"ui/api/mcpserver.py", "ui/api/mcptools.py"},
    "itsdangerous": {"ui/access/login.py"},
}
"""Where a library may be imported: a module, or a folder with a slash."""

MODULES = sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module that ``path`` imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def named(path: Path) -> set[str]:
    """Strings in ``path`` that look like modules of ours: what it may import by name."""
    texts = {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    found = set()
    for text in texts:
        place = ROOT / text.replace(".", "/")
        if text.partition(".")[0] in ALLOWED and "." in text and "/" not in text and place.with_suffix(".py").is_file():
            found.add(text)
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_follow_the_arrows(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    ours = {name for name in imported(path) if name.partition(".")[0] in ALLOWED}
    assert {name for name in ours if name.partition(".")[0] not in ALLOWED[package]} == set()
    by_name = {name for name in named(path) if name.partition(".")[0] not in ALLOWED[package]}
    assert by_name == BY_NAME.get(relative(path), set())


@pytest.mark.parametrize("library", HOME)
def test_libraries_stay_at_home(library: str) -> None:
    users = {relative(path) for path in MODULES if library in {name.partition(".")[0] for name in imported(path)}}
    assert users, f"nothing imports {library}: remove it here and in pyproject.toml"
    assert {user for user in users if not any(user == home or user.startswith(home) for home in HOME[library])} == set()


def test_architecture_shows_these_layers() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert all(f"`{package}/`" in text for package in ALLOWED)
