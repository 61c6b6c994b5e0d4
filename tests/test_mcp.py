"""The MCP server, used by the real client over standard input and output and over HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from command import clean_environment, complaint
from conftest import write_brief, write_topics
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent, TextResourceContents
from scripted_model import ScriptedModel, hangs
from serving import QUESTION, Served, served

from assistant.cli.parser import build_parser
from index.build import build
from index.generation import open_current
from index.settings import Settings
from ui.access.keys import KeyStore

DOCUMENT = Path(__file__).absolute().parent.parent / "docs" / "machines.md"
CANARY = "Ostrava"
SECRET = f"The {CANARY} convoy waited at the Torkham crossing for nine days. Its leader was Karel Novy."
HIDDEN = "convoys/secret note"
LONG = "A long one"
WAYS = [("stdio", "auto"), ("stdio", "legacy"), ("http", "auto"), ("http", "legacy")]
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}

Use = Callable[[Client], Awaitable[None]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Four small briefs and a long one that all may read, and one for the group ``staff``."""
    folder = tmp_path_factory.mktemp("mcp")
    write_topics(folder / "corpus")
    write_brief(
        folder / "corpus", "long", LONG, "\n\n".join(f"Depot {k} holds {k + 2} lorries 🚚." for k in range(700))
    )
    write_brief(folder / "corpus", HIDDEN, "A secret convoy", SECRET, labels="[staff]")
    settings = Settings(corpus=folder / "corpus", store=folder / "store", rate_limit="100000/minute")
    build(settings)
    return settings


@pytest.fixture(scope="module")
def server(place: Settings) -> Iterator[Served]:
    with served(place) as server:
        yield server


def started(settings: Settings, **variables: str) -> StdioServerParameters:
    """How a program starts ``briefs mcp``."""
    places = ["--corpus", str(settings.corpus), "--store", str(settings.store)]
    words = ["-m", "assistant", "mcp", *places]
    return StdioServerParameters(command=sys.executable, args=words, env=clean_environment(variables))


@asynccontextmanager
async def over_http(server: Served, key: str = "", **options: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{server.address}/api/mcp", http_client=http), **options) as client,
    ):
        yield client


def use(way: tuple[str, str], server: Served | None, place: Settings, work: Use, **variables: str) -> None:
    """Do ``work`` with a client over a transport, in one of the two ages of the protocol."""
    mode = way[1]

    async def done() -> None:
        connected = over_http(server, mode=mode) if server else Client(started(place, **variables), mode=mode)
        async with connected as client:
            await work(client)

    anyio.run(done)


def structured(result: CallToolResult) -> dict[str, Any]:
    """What a tool gave, which is the same in both forms."""
    assert not result.is_error, result.content
    [content] = result.content
    assert isinstance(content, TextContent)
    assert json.loads(content.text) == result.structured_content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def slow(model: ScriptedModel) -> dict[str, Any]:
    """Settings for an assistant that waits for the model as long as a test may take."""
    return {"engine": "model", "model_url": model.url, "model_name": "m", "model_first_s": 300, "model_total_s": 300}


def wait_until_asked(model: ScriptedModel) -> None:
    for _ in range(600):
        if model.asked:
            return
        time.sleep(0.1)
    raise AssertionError("nobody asks the model")


def refusal(result: CallToolResult) -> str:
    """The one line of a tool's error."""
    assert result.is_error
    [content] = result.content
    assert isinstance(content, TextContent)
    assert "\n" not in content.text and "Traceback" not in content.text
    return content.text


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_tools_and_resources(way: tuple[str, str], server: Served, place: Settings) -> None:
    generation = open_current(place)

    async def work(client: Client) -> None:
        assert client.server_info and client.server_info.name == "briefs"
        assert "data" in (client.instructions or "")
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search", "get_brief"}
        for tool in tools.values():
            hints = tool.annotations
            assert hints and (hints.read_only_hint, hints.idempotent_hint, hints.open_world_hint) == (True, True, False)
            assert tool.output_schema and tool.input_schema["additionalProperties"] is False

        told: list[str] = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            told.append(f"{progress:g} {message}")

        answer = structured(await client.call_tool("ask", {"question": QUESTION}, progress_callback=note))
        assert answer["status"] == "answered"
        for citation in answer["citations"]:
            text = generation.brief(citation["brief_id"]).text
            assert text[citation["start"] : citation["end"]] == citation["quote"]
        news = [f"searched: {QUESTION}", *(statement["text"] for statement in answer["statements"])]
        assert told == [f"{number} {text}" for number, text in enumerate(news, 1)]

        [hit, *_] = structured(await client.call_tool("search", {"query": "Torkham", "top_k": 2}))["hits"]
        assert generation.brief(hit["brief_id"]).text[hit["start"] : hit["end"]] == hit["text"]
        place_of_hit = {name: hit[name] for name in ("brief_id", "start", "end")}
        piece = structured(await client.call_tool("get_brief", place_of_hit))
        assert (piece["text"], piece["title"]) == (hit["text"], generation.metadata(hit["brief_id"]).title)

        listed = (await client.list_resources()).resources
        assert {resource.name for resource in listed} == set(generation.brief_ids)
        for resource in listed:
            [contents] = (await client.read_resource(resource.uri)).contents
            assert isinstance(contents, TextResourceContents)
            assert contents.text == generation.brief(resource.name).text
        [template] = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "brief:///{brief_id}"

    use(way, server if way[0] == "http" else None, place, work)


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_refusals(way: tuple[str, str], server: Served, place: Settings) -> None:
    async def work(client: Client) -> None:
        refused: list[tuple[str, dict[str, Any], str]] = [
            ("ask", {}, "question: Field required"),
            ("ask", {"question": 3}, "question: Input should be a valid string"),
            ("ask", {"question": "?!"}, "question: holds no word; .*"),
            ("ask", {"question": "word " * 500}, "question: .*2,?000.*"),
            ("ask", {"question": QUESTION, "labels": ["staff"]}, "labels: Extra inputs are not permitted"),
            ("ask", {"question": QUESTION, "date_from": "yesterday"}, "date_from: is no day; .*"),
            ("ask", {"question": QUESTION, "history": [{"role": "system", "content": "x"}]}, "history.0.role: .*"),
            ("search", {"query": "Torkham", "top_k": 0}, "top_k: Input should be greater than or equal to 1"),
            ("get_brief", {"brief_id": "none"}, "no brief 'none'; .*"),
            ("get_brief", {"brief_id": "../corpus/border.md"}, "no brief .*"),
            ("get_brief", {"brief_id": "border", "start": 5, "end": 4}, "found start 5 and end 4, expected a range .*"),
            ("get_brief", {"brief_id": "border", "end": 10**6}, "found start 0 and end 1000000, .*"),
        ]
        for name, arguments, expected in refused:
            assert re.fullmatch(expected, refusal(await client.call_tool(name, arguments))), (name, arguments)
        for failing in (
            client.call_tool("write", {}),
            client.read_resource("brief:///none"),
            client.read_resource("file:///etc/passwd"),
            client.list_resources(cursor="last"),
        ):
            with pytest.raises(MCPError) as caught:
                await failing
            assert caught.value.error.code == -32602
            assert "\n" not in caught.value.error.message

    use(way, server if way[0] == "http" else None, place, work)


@pytest.mark.parametrize("way", [("stdio", "auto"), ("http", "legacy")], ids="-".join)
def test_abstention_follow_up_and_a_long_brief(way: tuple[str, str], server: Served, place: Settings) -> None:
    text = open_current(place).brief("long").text

    async def work(client: Client) -> None:
        abstained = structured(await client.call_tool("ask", {"question": "Who won the football world cup in 1998?"}))
        assert (abstained["status"], abstained["citations"]) == ("abstained", [])
        assert abstained["nearest"] and abstained["missing"]
        history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "On 12 October 2025. [1]"}]
        after = structured(await client.call_tool("ask", {"question": "How long?", "history": history}))
        assert after["citations"][0]["brief_id"] == "border"
        narrowed = structured(await client.call_tool("search", {"query": "Torkham", "briefs": ["talks"]}))
        assert {hit["brief_id"] for hit in narrowed["hits"]} <= {"talks"}
        pieces: list[str] = []
        start: int | None = 0
        while start is not None:
            piece = structured(await client.call_tool("get_brief", {"brief_id": "long", "start": start}))
            assert len(piece["text"]) <= 20_000
            pieces.append(piece["text"])
            start = piece["next"]
        assert "".join(pieces) == text and len(pieces) > 1

    use(way, server if way[0] == "http" else None, place, work)


@pytest.mark.parametrize("way", [("stdio", "legacy"), ("http", "auto")], ids="-".join)
def test_calls_at_once(way: tuple[str, str], server: Served, place: Settings) -> None:
    async def work(client: Client) -> None:
        found: dict[int, Any] = {}

        async def ask(number: int) -> None:
            query = QUESTION if number % 2 else "Where did the delegations meet?"
            found[number] = structured(await client.call_tool("ask", {"question": query}))["text"]

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(ask, number)
        assert len({found[k] for k in range(1, 10, 2)}) == len({found[k] for k in range(0, 10, 2)}) == 1
        assert found[0] != found[1]

    use(way, server if way[0] == "http" else None, place, work)


def test_a_hidden_brief_is_an_unknown_one(server: Served, place: Settings) -> None:
    keys = KeyStore(place.store)
    inside, outside = (keys.add("program", groups=frozenset({group}))[1] for group in ("staff", "guests"))
    question = {"question": "What waited at the Torkham crossing for nine days?"}

    async def work() -> None:
        async with over_http(server, inside) as client:
            assert CANARY in str(structured(await client.call_tool("ask", question)))
            assert structured(await client.call_tool("get_brief", {"brief_id": HIDDEN}))["title"] == "A secret convoy"
            assert HIDDEN in {resource.name for resource in (await client.list_resources()).resources}
        async with over_http(server, outside) as client:
            told = [
                str(structured(await client.call_tool("ask", question))),
                str(structured(await client.call_tool("search", {"query": f"{CANARY} convoy secret"}))),
                str(await client.list_resources()),
                str(structured(await client.call_tool("ask", {**question, "briefs": [HIDDEN]}))),
            ]
            assert not any(CANARY in text or HIDDEN in text or "secret convoy" in text for text in told)
            for brief_id in (HIDDEN, "convoys/no such note"):
                line = refusal(await client.call_tool("get_brief", {"brief_id": brief_id}))
                assert line.replace(brief_id, "…") == "no brief '…'; the tool search finds briefs by what they say"
                with pytest.raises(MCPError) as caught:
                    await client.read_resource("brief:///" + brief_id.replace("/", "%2F").replace(" ", "%20"))
                assert caught.value.error.message == line

    anyio.run(work)


@pytest.mark.parametrize("way", WAYS[:3], ids="-".join)
def test_a_cancelled_call_leaves_the_model(way: tuple[str, str], place: Settings) -> None:
    with ScriptedModel(hangs) as model:
        changes = slow(model)
        settings = place.model_copy(update=changes)

        async def work(client: Client) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "ask", {"question": QUESTION})
                await anyio.to_thread.run_sync(wait_until_asked, model)
                assert not model.was_left(0)
                tasks.cancel_scope.cancel()
            assert await anyio.to_thread.run_sync(model.was_left, 30)
            assert structured(await client.call_tool("search", {"query": "Torkham"}))["hits"]

        if way[0] == "http":
            with served(settings) as server:
                use(way, server, settings, work)
        else:
            use(way, None, settings, work, **{f"BRIEFS_{name.upper()}": str(value) for name, value in changes.items()})


@pytest.mark.parametrize("protocol", ["2025-06-18", "2025-11-25"])
def test_who_closes_the_connection_leaves_the_model(place: Settings, protocol: str) -> None:
    call = {**PING, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": QUESTION}}}
    headers = {**ACCEPT, "MCP-Protocol-Version": protocol}
    with ScriptedModel(hangs) as model:
        settings = place.model_copy(update=slow(model))
        with served(settings) as server, server.client() as http:
            with http.stream("POST", "/mcp", json=call, headers=headers) as response:
                assert response.status_code == 200
                wait_until_asked(model)
            assert model.was_left(30)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", ACCEPT, 400),
        (b"[]", ACCEPT, 400),
        (b'{"jsonrpc": "2.0", "id": {}, "method": 3}', ACCEPT, 400),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', ACCEPT, 400),
        (b"[" * 5000 + b"]" * 5000, ACCEPT, 400),
        (b"\xff\xfe", ACCEPT, 400),
        (b"x" * 300_000, ACCEPT, 413),
        (json.dumps(PING).encode(), {**ACCEPT, "Content-Type": "text/plain"}, 415),
        (json.dumps(PING).encode(), {**ACCEPT, "Accept": "text/html"}, 406),
        (json.dumps(PING).encode(), {**ACCEPT, "Origin": "https://evil.example"}, 403),
        (json.dumps(PING).encode(), {**ACCEPT, "Host": "evil.example"}, 403),
        (json.dumps(PING).encode(), {**ACCEPT, "MCP-Protocol-Version": "1999-01-01"}, 400),
        (json.dumps(PING).encode(), ACCEPT, 200),
    ],
)
def test_requests_over_http(server: Served, body: bytes, headers: dict[str, str], status: int) -> None:
    with server.client() as http:
        response = http.post("/mcp", content=body, headers=headers)
    assert response.status_code in ({status, 421} if status == 403 else {status}), response.text
    assert "Traceback" not in response.text and "pydantic" not in response.text


def test_there_is_nothing_to_get_or_delete(server: Served) -> None:
    with server.client() as http:
        for method in ("GET", "DELETE", "PUT"):
            response = http.request(method, "/mcp", headers=ACCEPT)
            assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_standard_output_carries_the_protocol_alone(place: Settings, tmp_path: Path) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "Torkham"}},
    }
    lines = [b"no JSON", b'{"jsonrpc": "2.0"}', b"\xff", b"[]", json.dumps(HELLO).encode(), json.dumps(call).encode()]
    server = subprocess.Popen(
        [sys.executable, *started(place).args],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stdin and server.stdout
    server.stdin.write(b"".join(line + b"\n" for line in lines))
    server.stdin.flush()
    answers: dict[Any, Any] = {}
    while 2 not in answers:
        row = json.loads(server.stdout.readline())
        assert row["jsonrpc"] == "2.0"
        answers[row.get("id")] = row
    assert answers[0]["result"]["serverInfo"]["name"] == "briefs"
    assert answers[2]["result"]["structuredContent"]["hits"]
    out, errors = server.communicate(timeout=60)  # the end of its input ends it
    assert (out, server.returncode) == (b"", 0), errors
    assert b"Traceback" not in errors


def test_without_an_index_and_with_settings_that_are_none(place: Settings, tmp_path: Path) -> None:
    async def work() -> None:
        async with Client(started(place.model_copy(update={"store": tmp_path / "none"}))) as client:
            for name, arguments in (("ask", {"question": QUESTION}), ("get_brief", {"brief_id": "border"})):
                assert "briefs index" in refusal(await client.call_tool(name, arguments))
            with pytest.raises(MCPError, match="briefs index"):
                await client.list_resources()

    anyio.run(work)
    assert "chunk_chars" in complaint("mcp", cwd=tmp_path, variables={"BRIEFS_CHUNK_CHARS": "1"})


def test_the_page_is_not_loaded() -> None:
    code = "import ui.api.mcpserver, sys; print([m for m in ('streamlit', 'fastapi', 'chromadb', 'llama_index') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=clean_environment(), check=True, text=True
    )
    assert done.stdout == "[]\n"


def test_document_shows_what_programs_can_read() -> None:
    examples = [
        json.loads(text)["mcpServers"]
        for text in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    ]
    http, stdio = (one["briefs"] for one in examples)
    assert http["url"].endswith("/api/mcp") and http["headers"]["Authorization"].startswith("Bearer bk_")
    assert stdio["command"] == "briefs"
    assert build_parser().parse_args(stdio["args"]).verb == "mcp"
