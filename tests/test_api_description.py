"""The description of the API, and requests made from it: thousands, valid and not, none of which finds what it does not describe."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import ROOT, Served, served

from index.settings import Settings
from ui.access.keys import KeyStore
from ui.api.problems import KINDS

SEED = "20251201"
# A body may be refused for its size before anybody looks whether it fits the schema.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "304", "401", "403", "404", "409", "413"]
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demonstration: Settings) -> Iterator[tuple[Served, str]]:
    """A server that callers must sign in to, and the key of one."""
    settings = demonstration.model_copy(
        update={"auth": "on", "rate_limit": "1000000/minute", "store": tmp_path_factory.mktemp("described")}
    )
    for path in demonstration.store.iterdir():
        (settings.store / path.name).symlink_to(path)
    _, secret = KeyStore(settings.store).add("tests", "key", None)
    with served(settings) as found:
        yield found, secret


def run(server: tuple[Served, str], folder: Path, *options: str) -> int:
    """How many requests Schemathesis made, all checks on; it has found nothing."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    found, secret = server
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{found.address}/api/v1/openapi.json"]
    command += ["--seed", SEED, "--no-color", "--checks", "all", "-H", f"Authorization: Bearer {secret}", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    counted = re.search(r"(\d+) generated", done.stdout)
    assert counted, done.stdout[-2000:]
    return int(counted[1])


def test_the_whole_api_is_as_it_is_described(server: tuple[Served, str], tmp_path: Path) -> None:
    assert run(server, tmp_path, "--max-examples", "30") >= 1200


def test_streams_are_as_they_are_described(server: tuple[Served, str], tmp_path: Path) -> None:
    events = ("-H", "Accept: text/event-stream", "--include-path-regex", r"/v1/ask(/|$)")
    assert run(server, tmp_path, "--max-examples", "60", "--phases", "examples,coverage,fuzzing", *events) >= 100


def test_faults_are_in_the_log_and_there_are_none(server: tuple[Served, str]) -> None:
    lines = server[0].lines()
    assert [line for line in lines if line["event"] == "error"] == []
    assert all(line["status"] < 500 for line in lines if line["event"] == "request")


def test_every_route_is_described_with_problems_and_credentials(server: tuple[Served, str]) -> None:
    with server[0].client() as client:
        found = client.get("/v1/openapi.json").json()
    operations = {
        f"{method} {path}": operation
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) == len({operation["operationId"] for operation in operations.values()}) == 18
    assert found["security"] == [{"key": []}, {"portal": []}]
    assert set(found["components"]["securitySchemes"]) == {"key", "portal"}
    for name, operation in operations.items():
        problems = [one for status, one in operation["responses"].items() if status >= "400"]
        assert problems, name
        documented = [one for one in problems if "application/problem+json" in one["content"]]
        assert all(one["content"]["application/problem+json"]["examples"] for one in documented)
        assert ("415" in operation["responses"]) == ("requestBody" in operation), name
        assert operation["summary"], name


def test_the_document_lists_the_kinds_of_problems() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = text.partition("<!-- problems -->")[2].partition("<!-- /problems -->")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.strip().splitlines()[2:]]
    assert rows == [(f"`{kind}`", str(status), meaning) for kind, (status, meaning) in KINDS.items()]
