"""The server: page and API on one port, its address, connections that take too long, and a stop that ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from scripted_page import indexed
from serving import served
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect

from index.errors import BriefsError
from index.settings import load_settings
from ui.server import main

HEAD_S = FULL_S = 1.5
PATCHES = {"ui.connection.HEAD_S": HEAD_S, "ui.connection.FULL_S": FULL_S}


def _page(address: str) -> connect:
    """The connection that an open page keeps to its server."""
    url = f"ws{address.removeprefix('http')}/_stcore/stream"
    return connect(url, origin=address, subprotocols=["streamlit"])  # type: ignore[arg-type,list-item]


def test_page_and_api_and_a_graceful_stop() -> None:
    with served(indexed()) as server:
        page = httpx.get(server.address)
        assert page.status_code == 200
        assert "<title>" in page.text
        assert "server" not in page.headers
        assert page.headers["x-content-type-options"] == "nosniff"
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        with server.client() as api:
            ready = api.get("/readyz").json()
            assert (ready["status"], ready["briefs"]) == ("ready", 3)
            assert "server" not in api.get("/nothing").headers
        assert httpx.get(f"{server.address}/apiary").headers["content-type"].startswith("text/html")
        assert server.stop() == 0


def test_a_page_that_is_open_stays_open_and_does_not_hold_the_server_up() -> None:
    async def stay(address: str) -> None:
        async with _page(address) as page:
            await asyncio.sleep(2 * HEAD_S)
            await asyncio.wait_for(await page.ping(), 10)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(page.wait_closed(), 20)

    with served(indexed(), patches=PATCHES) as server:
        asyncio.run(stay(server.address))
        assert server.process.wait(20) == 0


def test_a_page_that_is_being_drawn_in_native_code_does_not_bring_the_stopping_server_down() -> None:
    drawing = """
import time
import ui.view.frame
from index.embedding import load_embedder
from index.settings import Settings

def show():
    embedder, until = load_embedder(Settings()), time.monotonic() + 2
    while time.monotonic() < until:
        embedder.embed_query("Who closed the crossing?")

ui.view.frame.show = show
"""

    async def leave(address: str) -> None:
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        async with _page(address) as page:
            await page.send(asked.SerializeToString())
            await asyncio.sleep(1)

    with served(indexed(), before=drawing) as server:
        asyncio.run(leave(server.address))
        assert server.stop() == 0


def test_a_caller_who_reads_nothing_is_left() -> None:
    request = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with served(indexed().model_copy(update={"rate_limit": "10000/minute"}), patches=PATCHES) as server:
        with server.client() as api:
            size = len(api.get("/v1/openapi.json").content)
        with socket.create_connection(("127.0.0.1", server.port), 20) as raw:
            raw.sendall(400 * request)
            time.sleep(3 * FULL_S)
            read = 0
            with suppress(ConnectionError):
                while part := raw.recv(65536):
                    read += len(part)
        assert 0 < read < 400 * size
        with server.client() as api:
            assert api.get("/healthz").status_code == 200


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
