"""``briefs doctor``: what is installed, configured, reachable and stale, each with the command that mends it."""

from __future__ import annotations

import os
import platform
import sys
import time
import tomllib
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from assistant.cli.terminal import counted, print_json, styled
from index.build import source_sha256
from index.embedding import load_embedder
from index.errors import BriefsError, CorpusError, UnreadableBrief
from index.generation import Generation, open_current
from index.reading import iter_sources
from index.settings import FILE, PREFIX, Settings, load_settings

PACKAGES = ("briefs-assistant", "chromadb", "llama-index-core", "onnxruntime", "openai", "streamlit")
EXTRAS = {"llama-index-ingestion-ray": "ray"}
"""Packages that come with an extra, and its name."""
PROBE = "What do the briefs say?"
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``remedy`` is the command or change that mends it, empty where nothing needs mending."""

    group: Literal["installed", "configured", "reachable", "stale"]
    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One setting with its value (secrets hidden) and where the value comes from."""

    name: str
    value: str
    source: str
    description: str


def run(options: Namespace) -> int:
    """Check everything and print it. 1 if something fails, 0 otherwise."""
    given = {"corpus": options.corpus, "store": options.store}
    checks = [*_installed()]
    values: list[Value] = []
    try:
        settings = load_settings(**given)
    except BriefsError as error:
        checks.append(Check("configured", "settings", "fail", str(error), f"mend the variable or {FILE}"))
    else:
        values = setting_values(settings, {name for name, value in given.items() if value is not None})
        checks += _examine(settings)
    failed = any(check.status == "fail" for check in checks)
    if options.json:
        print_json({"ok": not failed, "checks": [asdict(c) for c in checks], "settings": [asdict(v) for v in values]})
    else:
        _print(checks, values)
    return 1 if failed else 0


def setting_values(settings: Settings, options: set[str]) -> list[Value]:
    """Every setting with its source: an option of the command line, a variable, the file, or the default."""
    variables = {name.upper() for name in os.environ}
    in_file = _keys_of_file()
    values = []
    for name, field in Settings.model_fields.items():
        variable = f"{PREFIX}{name}".upper()
        if name in options:
            source = f"option --{name}"
        elif variable in variables:
            source = f"variable {variable}"
        else:
            source = FILE if name in in_file else "default"
        values.append(Value(name, shown(getattr(settings, name)), source, field.description or ""))
    return values


def shown(value: object) -> str:
    """A value for people: secrets and passwords in addresses are hidden."""
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "(not set)"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    if "://" in text and "@" in text:
        parts = urlsplit(text)
        return parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}").geturl()
    return text or "(empty)"


def _keys_of_file() -> set[str]:
    file = Path(FILE)
    return set(tomllib.loads(file.read_text(encoding="utf-8"))) if file.is_file() else set()


def _installed() -> Iterator[Check]:
    supported = sys.version_info >= (3, 11)
    yield Check(
        "installed",
        "python",
        "ok" if supported else "fail",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if supported else "install Python 3.11 or later",
    )
    for package in PACKAGES:
        try:
            yield Check("installed", package, "ok", version(package))
        except PackageNotFoundError:
            yield Check("installed", package, "fail", "not installed", "make setup")
    for package, extra in EXTRAS.items():
        try:
            yield Check("installed", package, "ok", version(package))
        except PackageNotFoundError:
            yield Check("installed", package, "ok", f"not installed; comes with the extra [{extra}]")


def _examine(settings: Settings) -> Iterator[Check]:
    """What depends on the settings, from the files up to a search."""
    yield from _guarded("configured", "corpus", "pass --corpus DIR, or create it", lambda: _corpus(settings))
    yield from _guarded("reachable", "embedder", "make setup, or see docs/settings.md", lambda: _embedder(settings))
    yield from _guarded("configured", "model", "see docs/models.md", lambda: _model(settings))
    yield from _guarded("configured", "sign-in", "see docs/access.md", lambda: _sign_in(settings))
    generation: list[Generation] = []

    def opened() -> Iterator[Check]:
        generation.append(open_current(settings))
        generation[0].check()
        yield _vectors(generation[0], settings)
        yield _answer(settings)

    yield from _guarded("reachable", "index", "briefs index", opened)
    if generation:
        yield from _guarded("stale", "index", "briefs index", lambda: _staleness(generation[0], settings))


def _guarded(group: Any, name: str, remedy: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from checks()
    except BriefsError as error:
        yield Check(group, name, "fail", str(error), _remedy(error, remedy))


def _remedy(error: BriefsError, otherwise: str) -> str:
    """The command that the message itself names, or ``otherwise``."""
    commands = [part for part in str(error).split("`") if part.startswith("briefs ")]
    return commands[-1] if commands else otherwise


def _corpus(settings: Settings) -> Iterator[Check]:
    sources, ignored = iter_sources(settings.corpus)
    if not sources:
        raise CorpusError(f"{settings.corpus} holds no brief")
    yield Check("configured", "corpus", "ok", f"{counted(len(sources), 'file')} in {settings.corpus}")
    for path, reason in ignored:
        yield Check("configured", "corpus", "warn", f"{path}: {reason}", "convert it, or move it elsewhere")


def _embedder(settings: Settings) -> Iterator[Check]:
    started = time.perf_counter()
    embedder = load_embedder(settings, verify=True)
    embedder.embed_query(PROBE)
    yield Check("reachable", "embedder", "ok", f"{embedder.fingerprint}, {_milliseconds(started)} to load and embed")


def _vectors(generation: Generation, settings: Settings) -> Check:
    found, expected = generation.vectors.count(), generation.manifest.chunks
    where = f"at {shown(settings.vector_url)}" if settings.vector_url else "inside the store"
    if found != expected:
        detail = f"{counted(found, 'vector')} {where}, expected {expected:,}"
        return Check("reachable", "vectors", "fail", detail, "briefs index --rebuild")
    return Check("reachable", "vectors", "ok", f"{counted(found, 'vector')} {where}")


def _model(settings: Settings) -> Iterator[Check]:
    """The model, asked for one word; no text of a brief is sent."""
    if settings.engine != "model":
        yield Check("configured", "model", "ok", "none is asked: engine = extractive")
        return
    from assistant.generative.access import access_of

    access = access_of(settings)
    yield Check("configured", "model", "ok", f"{access}; it is sent questions and passages")
    for warning in access.warnings:
        yield Check("configured", "model", "warn", warning, "use https, or an address on this machine")
    from assistant.generative.caller import Caller
    from assistant.generative.records import Finish

    started = time.perf_counter()
    *_, finish = Caller(settings).stream([{"role": "user", "content": "Say yes."}])
    assert isinstance(finish, Finish)
    if finish.reason in {"stop", "length"}:
        yield Check("reachable", "model", "ok", f"{access} answered in {_milliseconds(started)}")
    else:
        remedy = "mend it; until then answers are quoted from the briefs"
        yield Check("reachable", "model", "fail", str(finish.error), remedy)


def _sign_in(settings: Settings) -> Iterator[Check]:
    from assistant.cli.launch import sign_in

    needed, ways, unwise = sign_in(settings)
    state = f"on: {'; '.join(ways)}" if needed else "off, for this machine alone"
    yield Check("configured", "sign-in", "ok", state)
    for warning in unwise:
        yield Check("configured", "sign-in", "warn", warning, "see docs/access.md")


def _answer(settings: Settings) -> Check:
    """A trial question to the index; the model is tried by itself."""
    from assistant import Assistant

    started = time.perf_counter()
    answer = Assistant(settings.model_copy(update={"engine": "extractive"})).ask(PROBE)
    detail = f"the {answer.engine} engine answered a trial question ({answer.status}) in {_milliseconds(started)}"
    return Check("reachable", "answers", "ok", detail)


def _staleness(generation: Generation, settings: Settings) -> Iterator[Check]:
    manifest = generation.manifest
    size = f"{counted(len(manifest.briefs), 'brief')}, built {manifest.built_at:%Y-%m-%d %H:%M} UTC"
    known = {entry.source: entry.sha256 for entry in manifest.briefs.values()}
    differences = _differences(known, settings)
    if differences:
        yield Check("stale", "index", "warn", f"{size}; since then {', '.join(differences)}", "briefs index")
    else:
        yield Check("stale", "index", "ok", f"{size}, up to date")
    for source, reason in manifest.failed.items():
        yield Check("stale", source, "warn", reason, "mend the file, then briefs index")


def _differences(known: Mapping[str, str], settings: Settings) -> list[str]:
    """How the corpus differs from the hashes in the index; what could not be read then is not counted as new."""
    now: dict[str, str] = {}
    for path in iter_sources(settings.corpus)[0]:
        source = path.relative_to(settings.corpus).as_posix()
        try:
            now[source] = source_sha256(path)
        except UnreadableBrief:
            now[source] = known.get(source, "")
    counts = {
        "new": len(now.keys() - known.keys()),
        "changed": sum(known[source] != now[source] for source in now.keys() & known.keys()),
        "gone": len(known.keys() - now.keys()),
    }
    return [f"{counted(number, 'file')} {what}" for what, number in counts.items() if number]


def _milliseconds(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.0f} ms"


def _print(checks: list[Check], values: list[Value]) -> None:
    for group in ("installed", "configured", "reachable", "stale"):
        print(styled(group.capitalize(), "bold"))
        for check in checks:
            if check.group == group:
                status = styled(f"{check.status:4}", _COLOURS[check.status])
                print(f"  {status} {check.name:26} {check.detail}")
                if check.remedy:
                    print(f"{'':34}{styled('->', 'dim')} {check.remedy}")
        if group == "configured":
            for value in values:
                print(f"       {value.name:26} {value.value} {styled(f'({value.source})', 'dim')}")
    counts = {status: sum(check.status == status for check in checks) for status in ("fail", "warn")}
    print(f"\n{counted(counts['fail'], 'failure')}, {counted(counts['warn'], 'warning')}")
