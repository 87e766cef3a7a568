"""The CURVE keys of a run: made per run by default, kept in `<run>/keys` (directory 700, files 600).

`<name>.key` holds a pair and is given to one process only; `<name>.pub` holds the public half with identity and role,
and is what the other side's allow-list is read from. Names: bus, node-<id>, ground, range, operator, observer.
`telecommand-<id>.key` is the key of a spacecraft's telecommands, for itself and the ground.
A bundle is one file with what one process needs of them, as a container is given it: wherever keys are read, its path
may stand for the directory's.
Keys are always random; nothing of a run's result depends on them.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bus.errors import EnvironmentFault
from bus.sockets.access import Grant, Keypair
from bus.sockets.zeromq import new_keypair
from bus.wire.authentication import KEY_BYTES

BUNDLE = ".keys"
"""How the name of a bundle ends."""
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
                _write(directory / _telecommand(identity), content)
    except OSError as error:
        raise EnvironmentFault(f"cannot write keys to {directory}: {error.strerror}", hint="choose --out") from error


def is_bundle(place: Path) -> bool:
    """Whether it is one file; what cannot be looked at is not."""
    try:
        return place.is_file()
    except OSError:  # a name too long, say: whoever reads it says so
        return False


def load_key(place: Path, identity: str) -> Keypair:
    """A process's own pair. Refused if other users could have read it."""
    content = _pair(place, f"{key_name(identity)}.key")
    _check_private(place, f"{key_name(identity)}.key")
    return Keypair(content["public"].encode(), content["secret"].encode())


def load_telecommand_key(place: Path, spacecraft: str) -> bytes:
    """The key of a spacecraft's telecommands. Refused if other users could have read it."""
    name = _telecommand(spacecraft)
    written = _map(place, name, ("identity", "telecommand"))["telecommand"]
    _check_private(place, name)
    try:
        key = bytes.fromhex(written)
    except ValueError as error:
        raise EnvironmentFault(f"{_of(place, name)} is no key file: {error}", hint=_HINT) from error
    if len(key) != KEY_BYTES:
        raise EnvironmentFault(f"{_of(place, name)} has a key of {len(key)} bytes, not {KEY_BYTES}", hint=_HINT)
    return key


def has_telecommand_key(place: Path, spacecraft: str) -> bool:
    """Whether the key of this spacecraft's telecommands is there."""
    return _telecommand(spacecraft) in _names(place)


def load_public(place: Path, identity: str) -> bytes:
    """The public key of somebody else, usually the bus."""
    return _pair(place, f"{key_name(identity)}.pub")["public"].encode()


def load_grants(place: Path) -> dict[bytes, Grant]:
    """The allow-list: every public key that is there, in the order of file names."""
    grants: dict[bytes, Grant] = {}
    for name in (name for name in _names(place) if name.endswith(".pub")):
        content = _pair(place, name)
        grants[content["public"].encode()] = Grant(content["identity"], content["role"])
    if not grants:
        raise EnvironmentFault(f"no public keys in {place}", hint=_HINT)
    return grants


def spacecraft_in(place: Path) -> list[str]:
    """Whose own key is there, in the order of names."""
    return [
        name[len("node-") : -len(".key")]
        for name in _names(place)
        if name.startswith("node-") and name.endswith(".key")
    ]


def write_bundle(directory: Path, bundle: Path, identity: str, spacecraft: Sequence[str]) -> None:
    """What one process needs of the keys in `directory`, as one file: a secret that a container is given. `identity`:
    bus, ground, operator (a console: it may also inject and observe), or empty for a process of spacecraft.
    `spacecraft`: all of the run, or those of that process."""
    names = ["bus.pub", *(f"{key_name(identity)}.key" for identity in ([identity] if identity else spacecraft))]
    if identity == "bus":
        names += [name for name in _names(directory) if name.endswith(".pub")]
    elif identity == "operator":
        names += ["range.key", "observer.key", "ground.pub"]
    else:
        names += [_telecommand(each) for each in spacecraft]
        names += ["operator.pub"] if identity == "ground" else []
    content = {name: _map(directory, name, ("identity",)) for name in sorted(set(names))}
    try:
        _write(bundle, content)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {bundle}: {error.strerror}", hint="choose another --out") from error


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        json.dump(content, file)


def _telecommand(spacecraft: str) -> str:
    return f"telecommand-{spacecraft}.key"


def _of(place: Path, name: str) -> Path:
    """What to call a key in a message."""
    return place if is_bundle(place) else place / name


def _check_private(place: Path, name: str) -> None:
    """Nobody else may read it; of a secret that is mounted for our group, nobody beyond it."""
    path = _of(place, name)
    found = path.stat()
    others = 0o077 if found.st_uid == os.getuid() else 0o037
    if stat.S_IMODE(found.st_mode) & others:
        raise EnvironmentFault(f"{path} can be read by other users", hint=f"chmod 600 {path}, and use new keys")


def _names(place: Path) -> list[str]:
    """The key files there, in order."""
    if is_bundle(place):
        return sorted(_bundle(place))
    return sorted(path.name for path in place.glob("*") if path.suffix in (".key", ".pub"))


def _bundle(path: Path) -> dict[str, Any]:
    """A bundle, read once for as long as it is the same file."""
    found = path.stat()
    return _read_bundle(path, found.st_ino, found.st_mtime_ns)


@lru_cache(maxsize=2)
def _read_bundle(path: Path, *_: int) -> dict[str, Any]:
    return _parsed(path)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise EnvironmentFault(f"cannot read the key file {path}: {error.strerror}", hint=_HINT) from error
    except ValueError as error:
        raise EnvironmentFault(f"{path} is no key file: {error}", hint=_HINT) from error
    if not isinstance(content, dict):
        raise EnvironmentFault(f"{path} is no key file: it lacks a field", hint=_HINT)
    return content


def _pair(place: Path, name: str) -> dict[str, str]:
    content = _map(place, name, ("identity", "role", "public", *(["secret"] if name.endswith(".key") else [])))
    if len(content["public"]) != 40:
        raise EnvironmentFault(f"{_of(place, name)} is no key file: its public key has not 40 characters", hint=_HINT)
    return content


def _map(place: Path, name: str, needed: Sequence[str]) -> dict[str, str]:
    if is_bundle(place):
        content = _bundle(place).get(name)
        if content is None:
            raise EnvironmentFault(f"{place} holds no {name}: it is another process's", hint=_HINT)
    else:
        content = _parsed(place / name)
    if not isinstance(content, dict) or not all(isinstance(content.get(field), str) for field in needed):
        raise EnvironmentFault(f"{_of(place, name)} is no key file: it lacks a field", hint=_HINT)
    return content
