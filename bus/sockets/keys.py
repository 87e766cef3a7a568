"""The CURVE keys of a run: made per run by default, kept in `<run>/keys` (directory 700, files 600).

`<name>.key` holds a pair and is given to one process only; `<name>.pub` holds the public half with identity and role,
and is what the other side's allow-list is read from. Names: bus, node-<id>, ground, range, operator, observer.
`telecommand-<id>.key` is the key of a spacecraft's telecommands, for itself and the ground.
Keys are always random; nothing of a run's result depends on them.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from bus.errors import EnvironmentFault
from bus.sockets.access import Grant, Keypair
from bus.sockets.zeromq import new_keypair
from bus.wire.authentication import KEY_BYTES

_HINT = "keys are made per run; start the run again, or copy the key file of that run"


def key_name(identity: str) -> str:
    """The key file's name of a participant or tool: `node-<id>` for spacecraft, else the identity itself."""
    return identity if identity in ("bus", "ground", "range", "operator", "observer") else f"node-{identity}"


def role_of(identity: str) -> str:
    """The role an identity has: spacecraft are nodes, everybody else is called after the role."""
    return "node" if key_name(identity) != identity else identity


def make_keys(directory: Path, spacecraft: Iterable[str]) -> None:
    """Fresh keys for every process and tool of a run. Existing files are replaced."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        for identity in ("bus", "ground", "range", "operator", "observer", *spacecraft):
            pair = new_keypair()
            who = {"identity": identity, "role": role_of(identity), "public": pair.public.decode()}
            _write(directory / f"{key_name(identity)}.pub", who)
            _write(directory / f"{key_name(identity)}.key", {**who, "secret": pair.secret.decode()})
            if role_of(identity) == "node":
                content = {"identity": identity, "telecommand": os.urandom(KEY_BYTES).hex()}
                _write(_telecommand_file(directory, identity), content)
    except OSError as error:
        raise EnvironmentFault(f"cannot write keys to {directory}: {error.strerror}", hint="choose --out") from error


def load_key(directory: Path, identity: str) -> Keypair:
    """A process's own pair. Refused if other users could have read it."""
    path = directory / f"{key_name(identity)}.key"
    content = _read(path)
    _check_private(path)
    return Keypair(content["public"].encode(), content["secret"].encode())


def load_telecommand_key(directory: Path, spacecraft: str) -> bytes:
    """The key of a spacecraft's telecommands. Refused if other users could have read it."""
    path = _telecommand_file(directory, spacecraft)
    written = _read_map(path, ("identity", "telecommand"))["telecommand"]
    _check_private(path)
    try:
        key = bytes.fromhex(written)
    except ValueError as error:
        raise EnvironmentFault(f"{path} is no key file: {error}", hint=_HINT) from error
    if len(key) != KEY_BYTES:
        raise EnvironmentFault(f"{path} has a key of {len(key)} bytes, not {KEY_BYTES}", hint=_HINT)
    return key


def has_telecommand_key(directory: Path, spacecraft: str) -> bool:
    """Whether the directory has the key of this spacecraft's telecommands."""
    return _telecommand_file(directory, spacecraft).is_file()


def load_public(directory: Path, identity: str) -> bytes:
    """The public key of somebody else, usually the bus."""
    return _read(directory / f"{key_name(identity)}.pub")["public"].encode()


def load_grants(directory: Path) -> dict[bytes, Grant]:
    """The allow-list: every public key in the directory, in the order of file names."""
    grants: dict[bytes, Grant] = {}
    for path in sorted(directory.glob("*.pub")):
        content = _read(path)
        grants[content["public"].encode()] = Grant(content["identity"], content["role"])
    if not grants:
        raise EnvironmentFault(f"no public keys in {directory}", hint=_HINT)
    return grants


def _write(path: Path, content: dict[str, str]) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        json.dump(content, file)


def _telecommand_file(directory: Path, spacecraft: str) -> Path:
    return directory / f"telecommand-{spacecraft}.key"


def _check_private(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise EnvironmentFault(f"{path} can be read by other users", hint=f"chmod 600 {path}, and use new keys")


def _read(path: Path) -> dict[str, str]:
    content = _read_map(path, ("identity", "role", "public", *(["secret"] if path.suffix == ".key" else [])))
    if len(content["public"]) != 40:
        raise EnvironmentFault(f"{path} is no key file: its public key has not 40 characters", hint=_HINT)
    return content


def _read_map(path: Path, needed: Sequence[str]) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise EnvironmentFault(f"cannot read the key file {path}: {error.strerror}", hint=_HINT) from error
    except ValueError as error:
        raise EnvironmentFault(f"{path} is no key file: {error}", hint=_HINT) from error
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in needed):
        raise EnvironmentFault(f"{path} is no key file: it lacks a field", hint=_HINT)
    return content
