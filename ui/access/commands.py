"""``briefs keys``: what the command line does with keys. Secrets go to standard output, everything else to standard error."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from index.errors import SettingsError
from index.settings import Settings
from ui.access.keys import Key, KeyStore, Kind
from ui.access.origins import portal_origin, portal_origins


def add(
    settings: Settings,
    name: str,
    *,
    groups: Sequence[str] | None = (),
    expires_days: int | None = None,
    portals: Sequence[str] = (),
    public_key: Path | None = None,
    metrics: bool = False,
) -> int:
    """Make a key and print its secret, once. ``groups`` None stands for all. Returns the exit code, 0.

    :raises SettingsError: if the options contradict, or a portal is not among ``portal_origins``.
    """
    if metrics and (groups or groups is None or portals):
        raise SettingsError("--metrics reads no briefs: leave --groups, --all-groups and --portal out")
    if public_key and not portals:
        raise SettingsError("--public-key is the key of a portal; pass --portal as well")
    origins = frozenset(map(portal_origin, portals))
    if strange := sorted(origins - set(portal_origins(settings))):
        raise SettingsError(f"{strange[0]} is not in portal_origins; add it there first")
    private, public = _key_pair(public_key) if origins else ("", "")
    kind: Kind = "portal" if origins else "metrics" if metrics else "key"
    named = None if groups is None else frozenset(groups)
    expires = None if expires_days is None else dt.timedelta(days=expires_days)
    key, secret = KeyStore(settings.store).add(name, kind, named, expires, origins, public)
    _say(f"key {key.id} ({name}): {reads(key)}, {_until(key)}")
    if secret or private:
        _say("what follows is shown this once; keep it where secrets are kept")
        print((secret or private).strip())
    return 0


def show(settings: Settings, *, as_json: bool = False) -> int:
    """Print the keys, without secrets. Returns the exit code, 0."""
    keys = KeyStore(settings.store).listed()
    if as_json:
        print(json.dumps([_row(key) for key in keys], indent=2, ensure_ascii=False))
        return 0
    if not keys:
        _say("no keys; `briefs keys add NAME` makes one")
    for key in keys:
        used = f"used {key.used:%Y-%m-%d %H:00}" if key.used else "never used"
        print(f"{key.id}  {key.kind:7}  {_until(key):20}  {used:21}  {key.name}: {reads(key)}")
    return 0


def revoke(settings: Settings, key_id: str) -> int:
    """End a key. Returns the exit code, 0. :raises StoreMissing: if there is none of that id."""
    key = KeyStore(settings.store).revoke(key_id)
    _say(f"key {key.id} ({key.name}) is revoked")
    return 0


def reads(key: Key) -> str:
    """What a key is good for, in words."""
    if key.kind == "metrics":
        return "metrics alone"
    groups = "all groups" if key.groups is None else ", ".join(sorted(key.groups)) or "briefs without labels"
    return f"tokens of {', '.join(sorted(key.origins))} for {groups}" if key.kind == "portal" else groups


def _key_pair(file: Path | None) -> tuple[str, str]:
    """The private key to print, and the public one to keep; of a portal's own pair there is nothing to print."""
    from ui.access.tokens import new_key_pair, public_key

    if file is None:
        return new_key_pair()
    try:
        return "", public_key(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; pass a file with a public key in PEM") from error


def _until(key: Key) -> str:
    if key.state != "valid":
        return key.state
    return f"expires {key.expires:%Y-%m-%d}" if key.expires else "does not expire"


def _row(key: Key) -> dict[str, object]:
    times = {"created": key.created, "expires": key.expires, "used": key.used, "revoked": key.revoked}
    return {
        "id": key.id,
        "kind": key.kind,
        "name": key.name,
        "state": key.state,
        "groups": None if key.groups is None else sorted(key.groups),
        "origins": sorted(key.origins),
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr)
