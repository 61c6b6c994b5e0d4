"""The server: health, headers, ports, and a stop that ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from pathlib import Path

import pytest
from scripted_page import indexed

from index.errors import BriefsError
from index.settings import Settings, load_settings
from ui.server import main

ROOT = Path(__file__).parent.parent
SERVE = """
import sys
from pathlib import Path
from index.settings import load_settings
from ui.server import main
sys.exit(main(load_settings(corpus=Path(sys.argv[1]), store=Path(sys.argv[2])), port=0))
"""


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server started elsewhere than in the project's folder, as an installed one is; its address and its process."""
    command = [sys.executable, "-c", SERVE, str(settings.corpus), str(settings.store)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout
        line = server.stdout.readline()
        assert line.startswith("Briefs on http://127.0.0.1:"), line
        address = line.split()[2]
        _get_until_up(f"{address}/api/healthz")
        yield address, server
    finally:
        if server.poll() is None:
            server.terminate()
        server.communicate(timeout=30)


def _get_until_up(url: str) -> None:
    for _ in range(240):
        try:
            assert get(url)[:2] == (200, {"status": "ok"})
            return
        except urllib.error.URLError:
            time.sleep(0.25)
    pytest.fail("the server does not answer")


def get(url: str) -> tuple[int, object, HTTPMessage]:
    """Status, JSON body (text for a page) and headers."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            status, body, headers = response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        with error:
            status, body, headers = error.code, error.read().decode(), error.headers
    return status, json.loads(body) if "json" in headers["content-type"] else body, headers


def test_health_page_and_a_graceful_stop(tmp_path: Path) -> None:
    settings = indexed()
    with serving(settings, tmp_path) as (address, server):
        status, ready, _ = get(f"{address}/api/readyz")
        assert status == 200
        assert isinstance(ready, dict)
        assert ready["status"] == "ready"
        assert ready["briefs"] == 3
        status, page, headers = get(address)
        assert status == 200
        assert "<title>" in str(page)
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        assert get(f"{address}/api/nothing")[0] == 404
        server.send_signal(signal.SIGTERM)
        out, _ = server.communicate(timeout=30)
        assert "Traceback" not in out
        assert server.returncode in (0, -signal.SIGTERM)


def test_not_ready_without_an_index_and_ready_once_there_is_one(tmp_path: Path) -> None:
    settings = indexed()
    later = settings.model_copy(update={"store": tmp_path / "later"})
    with serving(later, tmp_path) as (address, _):
        status, body, _ = get(f"{address}/api/readyz")
        assert status == 503
        assert isinstance(body, dict)
        assert "briefs index" in body["reason"]
        later.store.symlink_to(settings.store)
        status, body, _ = get(f"{address}/api/readyz")
        assert (status, isinstance(body, dict) and body["status"]) == (200, "ready")


def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    settings = load_settings(corpus=tmp_path, store=tmp_path / "store")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BriefsError, match=f"port {port} on 127.0.0.1 is in use; .*--port"):
            main(settings, port=port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("203.0.113.7", 8501), ("no host", 8501)])
def test_address_that_cannot_be_used(tmp_path: Path, host: str, port: int) -> None:
    with pytest.raises(BriefsError) as caught:
        main(load_settings(corpus=tmp_path, store=tmp_path / "store"), host=host, port=port)
    assert "\n" not in str(caught.value)
