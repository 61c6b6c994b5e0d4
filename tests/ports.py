"""Ports of the loopback for servers that tests start as processes of their own."""

from __future__ import annotations

import socket
import subprocess
import time


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until ``server`` listens on ``port``."""
    for _ in range(300):
        assert server.poll() is None, f"{server.args!r} ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{server.args!r} did not start")
