"""``python -m ui.portal --briefs http://127.0.0.1:8501 --port 8600``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn

from ui.portal.app import Portal, build_portal


def main(arguments: list[str] | None = None) -> int:
    """Serve the portal on this machine until stopped; returns the exit code: 0, or 2 for arguments that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m ui.portal", description=__doc__)
    parser.add_argument("--briefs", default="http://127.0.0.1:8501", metavar="URL", help="address of the assistant")
    parser.add_argument("--port", type=int, default=8600, help="port of the portal (default: 8600)")
    parser.add_argument(
        "--key-file", type=Path, metavar="PEM", help="private key that `briefs keys add --portal` printed"
    )
    parser.add_argument("--key-id", default="", help="the id of that key")
    given = parser.parse_args(arguments)
    try:
        key = given.key_file.read_text(encoding="utf-8") if given.key_file else ""
        portal = Portal(given.briefs.rstrip("/"), key, given.key_id)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Portal on http://127.0.0.1:{given.port} (Ctrl-C stops)", flush=True)
    uvicorn.run(build_portal(portal), host="127.0.0.1", port=given.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
