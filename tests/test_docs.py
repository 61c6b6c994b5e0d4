"""The documentation says what the code does.

``UPDATE_DOCS=1 pytest tests/test_docs.py`` writes the parts that are made from code.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from assistant.cli.parser import build_parser
from index.settings import PREFIX, Settings

ROOT = Path(__file__).absolute().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "corpus" / "README.md"])
FLOW = {"Ge": "at least", "Gt": "more than", "Le": "at most", "Lt": "less than"}


def verbs() -> dict[str, Any]:
    """The parser of each verb and of each action of a verb, and of the command itself under the empty name."""
    found: dict[str, Any] = {}
    new: dict[str, Any] = {"": build_parser()}
    while new:
        found |= new
        new = {f"{above} {name}".strip(): parser for above in new for name, parser in below(new[above])}
    return found


def below(parser: Any) -> list[tuple[str, Any]]:
    """Name and parser of what follows ``parser`` on a command line."""
    group = parser._subparsers
    return [pair for action in group._group_actions for pair in action.choices.items()] if group else []


def help_of(verb: str) -> str:
    """A block of Markdown with the help of ``verb``."""
    return "".join(f"    {line}".rstrip() + "\n" for line in verbs()[verb].format_help().splitlines())


def table_of_settings() -> str:
    """A Markdown table of every setting, from its definition."""
    rows = ["| setting | default | bounds | what it is |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        default = ", ".join(default) if isinstance(default, tuple) else default
        bounds = [
            f"{FLOW[type(m).__name__]} {next(iter(vars_of(m)))}" for m in field.metadata if type(m).__name__ in FLOW
        ]
        shown = f"`{default}`" if str(default) else "empty"
        rows.append(f"| `{name}` | {shown} | {', '.join(bounds)} | {field.description} |")
    return "\n".join(rows) + "\n"


def vars_of(bound: Any) -> list[Any]:
    return [getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name)]


def check_block(page: Path, name: str, expected: str) -> None:
    """The block between ``<!-- name -->`` and ``<!-- /name -->`` in ``page`` is ``expected``."""
    text = page.read_text(encoding="utf-8")
    opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    assert opening in text, f"{page.name} has no block {name}"
    before, _, rest = text.partition(opening)
    found, _, after = rest.partition(closing)
    if os.environ.get("UPDATE_DOCS") and found.strip("\n") != expected.strip("\n"):
        page.write_text(f"{before}{opening}\n{expected}\n{closing}{after}", encoding="utf-8")
        return
    assert found.strip("\n") == expected.strip("\n"), "run UPDATE_DOCS=1 pytest tests/test_docs.py"


def test_every_setting_is_documented() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    check_block(ROOT / "docs" / "settings.md", "settings", table_of_settings())


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse lays help out differently from Python 3.13 on")
@pytest.mark.parametrize("verb", verbs())
def test_help_is_shown_as_it_is(verb: str) -> None:
    check_block(ROOT / "docs" / "cli.md", f"help {verb}".strip(), help_of(verb))


def test_variables_in_the_documentation_exist() -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for page in PAGES:
        used = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", page.read_text(encoding="utf-8")))
        assert used <= known, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_documentation_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    known: dict[str, set[str]] = {}
    for name, parser in verbs().items():
        options = {option for action in parser._actions for option in action.option_strings}
        known.setdefault(name.partition(" ")[0], set()).update(options)
    used = re.findall(r"(?:^    |`)(?:\$ )?briefs ([a-z]+)([^`\n]*)", text, re.M)
    assert {verb for verb, _ in used} <= set(known)
    for verb, rest in used:
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest.partition("|")[0])) <= known[verb], f"briefs {verb}{rest}"
    assert set(re.findall(r"(?:^    |`)(?:\$ )?make ([a-z]+)", text, re.M)) <= targets


def test_readme_shows_a_real_session() -> None:
    """The commands of the README's first block are those of the Makefile; git knows every file that it links to."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("docs/images/chat.png") < text.index("make chat")
    done = subprocess.run(["make", "-n", "-s", "chat"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "briefs index" in done.stdout
    assert "briefs serve" in done.stdout
