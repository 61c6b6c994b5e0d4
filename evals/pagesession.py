"""A session of the page without a browser: the websocket, and the two messages that matter."""

from __future__ import annotations

from collections.abc import Sequence

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol


def open_page(address: str, query: str = "", timeout_s: float = 60) -> bytes:
    """What the page at ``address`` sends until it is drawn to its end; ``query`` stands behind the question mark of its address.

    The session is closed then, as when a reader leaves.

    :raises TimeoutError: if nothing comes for ``timeout_s`` seconds.
    :raises OSError: if there is no server, or it refuses or breaks off.
    """
    message = BackMsg()
    message.rerun_script.query_string = query
    stream = f"ws{address.removeprefix('http')}/_stcore/stream"
    received: list[bytes] = []
    kinds = [Subprotocol("streamlit")]
    try:
        with connect(stream, origin=Origin(address), subprotocols=kinds, max_size=None, proxy=None) as socket:
            socket.send(message.SerializeToString())
            while not _is_drawn(received):
                data = socket.recv(timeout_s)
                assert isinstance(data, bytes)
                received.append(data)
    except WebSocketException as error:
        raise ConnectionError(f"{stream}: {error}") from error
    return b"".join(received)


def _is_drawn(received: Sequence[bytes]) -> bool:
    if not received:
        return False
    last = ForwardMsg.FromString(received[-1])
    return last.WhichOneof("type") == "script_finished" and last.script_finished in _DRAWN


_DRAWN = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
