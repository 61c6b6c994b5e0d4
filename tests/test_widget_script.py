"""The widget's script: how it is served, what it is made of, and that its documentation tells what is there."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from test_docs import check_block

from ui.widget import routes
from ui.widget.script import MODULES, SOURCE, script

ROOT = Path(__file__).absolute().parent.parent
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
URL = "/api/widget.js"
PACKS = {"english": "texts", "german": "german", "urdu": "urdu"}


def source(name: str) -> str:
    return (SOURCE / f"{name}.js").read_text(encoding="utf-8")


def pack(name: str) -> dict[str, str]:
    """The texts of a language, read from its module."""
    text = source(PACKS[name]).partition(f"export const {name.upper()} = {{\n")[2].partition("\n}\n")[0]
    found = re.findall(r'^  "?([\w-]+)"?: "(.*)",$', text, re.M)
    assert len(found) == len(text.splitlines())
    return dict(found)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[Mount("/api", routes=routes())]))


def test_any_page_may_load_it_and_browsers_ask_whether_it_changed(client: TestClient) -> None:
    found = client.get(URL)
    assert found.status_code == 200
    assert found.content == script()
    assert found.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert found.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert found.headers["Cache-Control"] == "no-cache"
    tag = found.headers["ETag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.get(URL, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    assert client.get(URL, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.head(URL).status_code == 200
    assert client.post(URL).status_code == 405


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_compressed_where_that_is_understood(client: TestClient, accepted: str, packed: bool) -> None:
    found = client.get(URL, headers={"Accept-Encoding": accepted})
    assert found.headers.get("Content-Encoding", "") == ("gzip" if packed else "")
    assert found.headers["Vary"] == "Accept-Encoding"
    assert found.content == script()


def test_size_compressed() -> None:
    assert len(gzip.compress(script())) < 30_000  # half of what is allowed


def test_it_is_all_modules_and_they_are_small() -> None:
    assert sorted(MODULES) == sorted(path.stem for path in SOURCE.iterdir())
    assert {name: len(source(name).splitlines()) for name in MODULES if len(source(name).splitlines()) > 400} == {}
    assert not re.search(rb"^(?:import|export)\b", script(), re.M)


def test_nothing_in_it_could_make_markup_or_run_text() -> None:
    text = script().decode()
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|"
        r"\beval\(|new Function|DOMParser|srcdoc|\.cssText|localStorage|document\.cookie"
    )
    assert re.findall(forbidden, text) == []
    assert set(re.findall(r"\w+://[\w./]*", text)) == {"http://www.w3.org/2000/svg"}
    assert re.findall(r"console\.\w+|debugger", text) == []


@pytest.mark.parametrize("language", ["german", "urdu"])
def test_translations_are_whole(language: str) -> None:
    english, other = pack("english"), pack(language)
    assert list(other) == list(english)
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", other[key])) == set(re.findall(r"\{\w+\}", text)), key
        assert other[key].strip(), key
    same = {key for key in english if english[key] == other[key]}
    assert same == set()


def test_texts_that_are_said_are_those_there_are() -> None:
    code = "\n".join(source(name) for name in MODULES if name not in PACKS.values())
    said = set(re.findall(r'\bsay\("([\w-]+)"', code)) | set(re.findall(r'\? "([a-z_]+)" : "[a-z_]+"\)', code))
    counted = {f"{key}_{form}" for key in re.findall(r'\bcount\("(\w+)"', code) for form in ("one", "other")}
    named = {key for key in pack("english") if key.startswith("error_")}
    assert (said | counted) - set(pack("english")) == set()
    assert set(pack("english")) - said - counted - named == {"send", "stopped_empty"}  # the second of two


def test_the_documentation_lists_every_text() -> None:
    rows = ["| text | English |", "|---|---|", *(f"| `{key}` | {text} |" for key, text in pack("english").items())]
    check_block(ROOT / "docs" / "embedding.md", "texts", "\n".join(rows) + "\n")


def test_the_documentation_tells_what_can_be_set() -> None:
    styles = source("styles")
    assert set(re.findall(r"var\((--brief-[\w-]+)", styles)) == set(re.findall(r"`(--brief-[\w-]+)`", PAGE))
    code = script().decode()
    parts = set(re.findall(r'part: "(\w+)"', code))
    told = PAGE.partition("has parts, for")[2].partition("Colours that")[0]
    assert parts == set(re.findall(r"`(\w+)`", told))
    events = set(re.findall(r'emit\("(brief-\w+)"', code))
    assert events == set(re.findall(r"^\| `(brief-\w+)` \|", PAGE, re.M))
    (observed,) = re.findall(r"observedAttributes = \[(.*)\]", code)
    used = set(re.findall(r'"(\w+)"', observed)) | set(
        re.findall(r'(?:get|has|set|toggle)Attribute\("(\w+)"', source("element"))
    )
    rows = PAGE.partition("| attribute | property |")[2].partition("\n\n")[0]
    assert used - {"popover"} == {
        name for first in re.findall(r"^\| (.*?) \|", rows, re.M) for name in re.findall(r"`(\w+)`", first)
    }
