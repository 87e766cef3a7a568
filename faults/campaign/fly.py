"""A campaign from its file to its directory: what is flown, what was flown already, what is kept of it."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bus.errors import EnvironmentFault, UserError
from bus.files import read_bounded, write_whole
from faults.campaign.cases import Case, content_of
from faults.campaign.outcome import Result, judged
from faults.campaign.pool import fly_all
from faults.recording.summary import versions
from faults.scenarios.bundle import pack

if TYPE_CHECKING:
    from faults.campaign.cluster import Cluster

MOST_BYTES = 1024 * 1024 * 1024
MOST_BUNDLES = 100
"""Cases that did not pass of which everything is kept that repeats them."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a campaign: campaign.json (what it is), results.jsonl (each case as it came), results.json (all,
    judged), results.parquet (the same as a table), junit.xml, report.html, and not-passed/ with bundles that repeat
    cases."""

    path: Path

    @property
    def identity(self) -> Path:
        """What it is, for whoever goes on with it."""
        return self.path / "campaign.json"

    @property
    def log(self) -> Path:
        """Results in the order in which they came, a line each."""
        return self.path / "results.jsonl"

    @property
    def results(self) -> Path:
        """All results, judged, by number."""
        return self.path / "results.json"

    def write(self, path: Path, content: str | bytes) -> None:
        """Write one of its files, whole or not at all. Raises EnvironmentFault."""
        try:
            path.parent.mkdir(exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {path}: {error.strerror}", hint="choose another --out") from error


def identity_of(name: str, cases: Sequence[Case]) -> dict[str, Any]:
    """What a campaign is: its cases to the last value, and what decides their bits."""
    digest = hashlib.blake2b(digest_size=16)
    for case in cases:
        digest.update(content_of(case.scenario).encode())
        digest.update(json.dumps([e.text for e in case.scenario.expectations]).encode())
    return {"name": name, "cases": len(cases), "digest": digest.hexdigest(), "versions": versions()}


def check_same(folder: Folder, identity: dict[str, Any]) -> None:
    """Refuse to go on in a directory that is none of a campaign, another campaign's, or another release's."""
    try:
        known = json.loads(read_bounded(folder.identity, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder.path} is no campaign's directory", hint="it has a campaign.json") from error
    reasons = {"digest": "the campaign or its scenario was changed since", "versions": "Skyrack was changed since"}
    for what, reason in reasons.items():
        if not isinstance(known, dict) or known.get(what) != identity[what]:
            raise UserError(f"cannot go on with {folder.path}: {reason}", hint="fly it anew, without --resume")


def flown_before(folder: Folder, cases: int) -> dict[int, Result]:
    """The results that are there already. A line that a kill cut off or that something damaged is flown again."""
    try:
        lines = read_bounded(folder.log, MOST_BYTES).splitlines()
    except OSError as error:
        raise EnvironmentFault(f"cannot read {folder.log}: {error.strerror}") from error
    found: dict[int, Result] = {}
    for line in lines:
        try:
            row = json.loads(line)
            result, check = row["result"], row["check"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if check == _check(result) and 0 <= result["case"] < cases:
            found[result["case"]] = result
    return found


def _check(result: Any) -> str:
    """Tells a line that is as it was written from every other."""
    return hashlib.blake2b(json.dumps(result, sort_keys=True).encode(), digest_size=8).hexdigest()


@contextmanager
def _log_of(folder: Folder) -> Iterator[BinaryIO]:
    """The log, for this campaign alone as long as it flies."""
    if folder.log.exists() and not folder.log.is_file():
        raise UserError(f"{folder.path} is no campaign's directory", hint=f"{folder.log} is no file")
    try:
        log = folder.log.open("ab")
    except OSError as error:
        raise EnvironmentFault(f"cannot write {folder.log}: {error.strerror}", hint="choose another --out") from error
    try:
        with log:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"another campaign is flying into {folder.path}",
                    hint="wait until it has ended, or choose another --out",
                ) from None
            except OSError:
                pass  # a file system without locks
            yield log
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {error.filename or folder.log}: {error.strerror}; go on with --resume {folder.path}"
        ) from error


def fly_campaign(
    folder: Folder, name: str, cases: Sequence[Case], *, jobs: int | Cluster, resume: bool,
    told: Callable[[int, int], None], stopped: Callable[[], str],
) -> list[Result]:  # fmt: skip
    """Fly what is left of it, in so many processes of this machine or on a cluster; the judged results by number,
    without those that were not flown. `told`: how many of how many are flown."""
    identity = identity_of(name, cases)
    if resume:
        check_same(folder, identity)
    with _log_of(folder) as log:
        if not resume:
            folder.write(folder.identity, json.dumps(identity, indent=1))
        done = flown_before(folder, len(cases))
        told(len(done), len(cases))
        left = [case for case in cases if case.number not in done]
        if log.tell() and not folder.log.read_bytes().endswith(b"\n"):
            log.write(b"\n")  # a line that a kill cut off
        for results in fly_all(left, jobs, stopped) if left else ():
            for result in results:
                done[result["case"]] = result
                row = {"case": result["case"], "check": _check(result), "result": result}
                log.write(json.dumps(row, sort_keys=True).encode() + b"\n")
            log.flush()
            told(len(done), len(cases))
        by_number = {case.number: case for case in cases}
        results = [
            _waived(judged(result, done.get(result["control"])), by_number[number])
            for number, result in sorted(done.items())
        ]
        folder.write(folder.results, json.dumps({**identity, "results": results}, indent=1, sort_keys=True))
        _bundle(folder, name, by_number, results)
    return results


def _waived(result: Result, case: Case) -> Result:
    """What is inconclusive and may be so says why; a FAIL is never waived."""
    return {**result, "waived": case.waived} if case.waived and result["verdict"] == "INCONCLUSIVE" else result


def _bundle(folder: Folder, name: str, by_number: Mapping[int, Case], results: Sequence[Result]) -> None:
    """What repeats each case that did not pass."""
    wanted = [result for result in results if result["asked"] and result["verdict"] != "PASS"]
    for result in wanted[:MOST_BUNDLES]:
        scenario = by_number[result["case"]].scenario
        facts = {"campaign": name, **{key: result[key] for key in ("case", "values", "verdict", "trace_hash")}}
        folder.write(bundle_of(folder, result), pack(scenario, facts))


def bundle_of(folder: Folder, result: Result) -> Path:
    """The file that repeats a case that did not pass."""
    (folder.path / "not-passed").mkdir(exist_ok=True)
    return folder.path / "not-passed" / f"case-{result['case']:05d}.json"
