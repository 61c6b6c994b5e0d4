"""The command line: verbs, options, and the help that docs/cli.md shows."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Generator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

SHELLS = ("bash", "zsh", "fish")
MAX_TOP_K = 100


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, and exits with 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Format, allow_abbrev=False, add_help=False, **options)
        self.add_argument("--help", action="help", help="show this and exit")

    def error(self, message: str) -> NoReturn:
        """Exit with one line. :raises SystemExit: always, with code 2."""
        self.exit(2, f"briefs: {message}; see `{self.prog} --help`\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Names the choice that was probably meant."""
        choices = [str(choice) for choice in action.choices or ()]
        if choices and value not in choices:
            close = get_close_matches(str(value), choices, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise argparse.ArgumentError(action, f"found {value!r}, expected one of {', '.join(choices)}{hint}")


class _Format(argparse.RawDescriptionHelpFormatter):
    """Help of one width, whatever the terminal's, so that the documentation can show it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)

    def _iter_indented_subactions(self, action: argparse.Action) -> Generator[argparse.Action, None, None]:
        """Verbs are not indented: their indentation is not counted in the width of the column."""
        yield from getattr(action, "_get_subactions", tuple)()

    def _format_action(self, action: argparse.Action) -> str:
        """Verbs need no line above them that says VERB."""
        text = super()._format_action(action)
        return text.partition("\n")[2] if action.nargs == argparse.PARSER else text


def build_parser() -> Parser:
    """The parser of the whole command line. ``verb_function`` of its result is ``module:function`` of the verb."""
    parser = Parser(
        prog="briefs",
        description="Ask questions about a folder of briefs; every statement of an answer quotes a brief exactly.",
        epilog="Every setting is also a variable BRIEFS_<NAME> or a key of briefs.toml: see docs/settings.md.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True, parser_class=Parser)
    using = (_index, _ask, _chat, _search, _show, _extract)
    for add in (*using, _eval, _calibrate, _serve, _mcp, _keys, _doctor, _completion):
        add(verbs)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        parser.exit(message=f"briefs {version('briefs-assistant')}\n")


def _verb(verbs: Any, name: str, function: str, summary: str, *, places: bool = True) -> Parser:
    parser: Parser = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(verb_function=f"assistant.cli.{function}")
    if places:
        where = parser.add_argument_group("places")
        where.add_argument("--corpus", type=Path, metavar="DIR", help="folder of briefs (default: corpus)")
        where.add_argument("--store", type=Path, metavar="DIR", help="folder of the index (default: .briefs)")
    return parser


def _index(verbs: Any) -> None:
    parser = _verb(verbs, "index", "build:run", "bring the index up to date with the corpus")
    parser.add_argument("--allow-shrink", action="store_true", help="go on though over half of the briefs are gone")
    parser.add_argument("--rebuild", action="store_true", help="start afresh, but for vectors that are still valid")
    _add_json(parser, "print the report as JSON")


def _ask(verbs: Any) -> None:
    parser = _verb(verbs, "ask", "ask:run", "answer a question, or many")
    parser.add_argument("question", nargs="*", metavar="QUESTION", help="the question")
    _add_json(parser, "print the answer as JSON", "read one JSON object a line, print one a line")
    _add_filters(parser)


def _chat(verbs: Any) -> None:
    parser = _verb(verbs, "chat", "chat:run", "hold a conversation that is kept, with follow-up questions")
    parser.add_argument("--resume", metavar="ID", help="go on with a kept conversation (the start of its id will do)")
    _add_filters(parser)


def _search(verbs: Any) -> None:
    parser = _verb(verbs, "search", "search:run", "find the passages that fit a question best")
    parser.add_argument("question", nargs="*", metavar="QUESTION", help="the question")
    parser.add_argument("--top-k", type=_top_k, default=10, metavar="N", help="passages at most (default: 10)")
    _add_json(parser, "print the passages as JSON", "read one JSON object a line, print one a line")
    _add_filters(parser)


def _show(verbs: Any) -> None:
    parser = _verb(verbs, "show", "show:run", "show a brief of the index")
    parser.add_argument("source", metavar="SOURCE", help="its path in the corpus, or its id")
    parser.add_argument("--text", action="store_true", help="the canonical text, which citations point into")
    _add_json(parser, "print it as JSON (with the text, if --text is given)")


def _extract(verbs: Any) -> None:
    parser = _verb(verbs, "extract", "show:extract", "show what the reader makes of a file, without indexing it")
    parser.add_argument("file", type=Path, metavar="FILE", help="a .md, .txt, .html, .pdf, .docx or .eml file")
    _add_json(parser, "print it as JSON")


def _eval(verbs: Any) -> None:
    parser = _verb(verbs, "eval", "launch:evaluate", "run eval suites against gates and a baseline")
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="path or name of a suite (default: briefs and unprepared)"
    )
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="baseline (default: beside the suite)")
    parser.add_argument("--gates", type=Path, metavar="FILE", help="gates (default: beside the suite)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="where reports go (default: .briefs-report)")
    parser.add_argument("--case", metavar="ID", help="run this case alone, write no reports")
    parser.add_argument("--explain", action="store_true", help="with --case: what every stage made of it")
    parser.add_argument("--update-baseline", action="store_true", help="accept this run as the baseline")
    parser.add_argument("--judge", action="store_true", help="add the opinion of the model at model_url; no gate")
    parser.add_argument(
        "--from-feedback", type=Path, nargs="?", const=True, metavar="FILE",
        help="write draft cases from feedback (default: the store's), run nothing",
    )  # fmt: skip
    _add_json(parser, "print the report as JSON")


def _calibrate(verbs: Any) -> None:
    parser = _verb(verbs, "calibrate", "launch:calibrate", "fit the confidence of answers to this corpus")
    parser.add_argument(
        "suite", nargs="?", default="calibration", metavar="SUITE", help="cases to fit it on (default: calibration)"
    )


def _serve(verbs: Any) -> None:
    parser = _verb(verbs, "serve", "launch:serve", "serve the chat page and the HTTP API on one port")
    parser.add_argument("--host", default="127.0.0.1", metavar="HOST", help="address (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8501, metavar="N", help="port (default: 8501; 0: any free one)")


def _mcp(verbs: Any) -> None:
    _verb(verbs, "mcp", "launch:mcp", "serve the briefs to a program that speaks MCP, over standard input and output")


def _keys(verbs: Any) -> None:
    summary = "make, list and revoke keys of the API"
    parser: Parser = verbs.add_parser("keys", help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    add = _verb(actions, "add", "launch:add_key", "make a key and print its secret, once")
    add.add_argument("name", metavar="NAME", help="whose it is, for the list")
    kind = add.add_mutually_exclusive_group()
    kind.add_argument(
        "--portal", action="append", default=[], metavar="ORIGIN", help="signs a portal's tokens; may be repeated"
    )
    kind.add_argument("--metrics", action="store_true", help="reads the metrics and no brief")
    reads = add.add_mutually_exclusive_group()
    reads.add_argument("--groups", default="", metavar="A,B", help="groups it reads for (default: none)")
    reads.add_argument("--all-groups", action="store_true", help="reads every brief; a portal's: what its tokens name")
    add.add_argument("--expires", type=_days, metavar="DAYS", help="days until it ends (default: it does not)")
    add.add_argument("--public-key", type=Path, metavar="FILE", help="the portal's own Ed25519 public key (PEM)")
    listing = _verb(actions, "list", "launch:list_keys", "list the keys, without their secrets")
    _add_json(listing, "print them as JSON")
    revoke = _verb(actions, "revoke", "launch:revoke_key", "end a key, from the next request on")
    revoke.add_argument("id", metavar="ID", help="its id, from the list")


def _doctor(verbs: Any) -> None:
    parser = _verb(verbs, "doctor", "doctor:run", "check what is installed, configured, reachable and stale")
    _add_json(parser, "print the checks as JSON")


def _completion(verbs: Any) -> None:
    parser = _verb(verbs, "completion", "completion:run", "print a script that completes commands", places=False)
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def _add_json(parser: Parser, one: str, many: str = "") -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help=one)
    if many:
        group.add_argument("--jsonl", action="store_true", help=many)


def _add_filters(parser: Parser) -> None:
    group = parser.add_argument_group("only briefs")
    group.add_argument("--from", type=_day, dest="date_from", metavar="DAY", help="of this day or later")
    group.add_argument("--to", type=_day, dest="date_to", metavar="DAY", help="of this day or earlier")
    for name, what in (
        ("region", "about this region"),
        ("actor", "about this actor"),
        ("topic", "on this topic"),
        ("kind", "of this kind"),
    ):
        group.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=f"{what}; may be repeated")


def _top_k(text: str) -> int:
    return _whole_number(text, 1, MAX_TOP_K)


def _port(text: str) -> int:
    return _whole_number(text, 0, 65535)


def _days(text: str) -> int:
    return _whole_number(text, 1, 36_500)


def _whole_number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from {least} to {most}")
    return int(text)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a day such as 2025-12-07") from None
