"""``briefs index``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from assistant.cli.terminal import counted, print_json, progress_bar, styled
from index.build import BuildReport, build
from index.settings import load_settings

SHOWN = 20
"""Names listed one by one; of more, their number is told."""


def run(options: Namespace) -> int:
    """Bring the index up to date and say what changed. 1 if a brief failed, though the others are indexed."""
    settings = load_settings(corpus=options.corpus, store=options.store)
    with progress_bar() as progress:
        report = build(settings, progress, allow_shrink=options.allow_shrink, rebuild=options.rebuild)
    if options.json:
        print_json(asdict(report))
    else:
        _print(report)
    return 1 if report.failed else 0


def _print(report: BuildReport) -> None:
    briefs = len(report.added) + len(report.updated) + len(report.unchanged)
    changed = [
        f"{len(names)} {what}"
        for what, names in (("added", report.added), ("updated", report.updated), ("removed", report.removed))
        if names
    ]
    size = f"{counted(briefs, 'brief')}, {counted(report.chunks, 'chunk')}"
    print(f"{size}: {', '.join(changed) or 'nothing changed'} ({report.seconds:.1f} s)")
    if report.unchanged:  # in a first build everything is new: no need to name it all
        _print_names("added", report.added)
    _print_names("updated", report.updated)
    _print_names("removed", report.removed)
    for group in report.near_duplicates:
        print(f"  {'same':8} {group[0]} says nearly the same as {', '.join(group[1:])}")
    _print_reasons("skipped", report.skipped, "dim")
    _print_reasons("warning", {source: "; ".join(lines) for source, lines in report.warnings.items()}, "yellow")
    _print_reasons("failed", report.failed, "red")


def _print_names(what: str, names: Iterable[str]) -> None:
    listed = list(names)
    for name in listed[:SHOWN]:
        print(f"  {what:8} {name}")
    if len(listed) > SHOWN:
        print(f"  {what:8} and {len(listed) - SHOWN:,} more")


def _print_reasons(what: str, reasons: Mapping[str, str], style: str) -> None:
    for source, reason in reasons.items():
        named = reason if source.rsplit("/", 1)[-1] in reason else f"{source}: {reason}"
        print(f"  {styled(f'{what:8}', style)} {named}")
