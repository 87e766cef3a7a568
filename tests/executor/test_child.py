"""Programs as processes: they start under their limits, what they write is bounded, and nothing of them is left behind,
whatever they do and however the range ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.clock import MachineClock
from node.executor.child import Ended, Process
from node.executor.executor import MachineHall
from tests.kits.runs import HOUSE

LIMITS = {"RLIMIT_CPU": 20, "RLIMIT_FSIZE": 10**6, "RLIMIT_CORE": 0}
Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program, by its text; whatever is left of it in the end is killed."""
    started: list[Process] = []

    def begin(text: str, processes: int = 8, log_bytes: int = 10_000, **limits: int) -> Process:
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        argv = (sys.executable, "-u", str(path))
        log = tmp_path / "log.txt"
        child = Process(argv, tmp_path, dict(os.environ), log, {**LIMITS, **limits}, processes, log_bytes)
        started.append(child)
        return child

    HEARD.clear()
    yield begin
    for child in started:
        child.kill()


def until_it_ends(child: Process, within_s: float = 20.0) -> Ended:
    clock, hall = MachineClock(), MachineHall()
    end_ns = clock.now_ns() + round(within_s * 1e9)
    while child.ended is None:
        assert clock.now_ns() < end_ns, "it does not end"
        hall.wait([child], end_ns)
        child.take()
    return child.ended


HEARD: dict[int, list[dict[str, object]]] = {}


def said(child: Process, word: str, within_s: float = 20.0) -> dict[str, object]:
    """The first line with this word; what comes before it is passed over."""
    clock, hall = MachineClock(), MachineHall()
    end_ns = clock.now_ns() + round(within_s * 1e9)
    waiting = HEARD.setdefault(id(child), [])
    while clock.now_ns() < end_ns:
        waiting += child.take()
        while waiting:
            words = waiting.pop(0)
            if word in words:
                return words
        hall.wait([child], end_ns)
    raise AssertionError(f"it never said {word}")


def lives(pid: int) -> bool:
    """And is no zombie, which has ended and only waits for who started it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


SAY = (
    "import json, os, signal, sys, time\n"
    "say = lambda **w: os.write(int(os.environ['SKYRACK_WORKLOAD_FD']), json.dumps(w).encode() + b'\\n')\n"
)


def test_it_ends_with_a_status_and_its_last_words_are_heard(start: Start, tmp_path: Path) -> None:
    child = start(SAY + "print('here I am'); say(hello=1, step=0); sys.exit(7)")
    assert said(child, "hello") == {"hello": 1, "step": 0}
    assert until_it_ends(child) == Ended(7, "", 10, 0)
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "here I am\n"


def test_what_cannot_be_executed_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "script.sh"
    path.write_text("#!/no/such/shell\n", encoding="utf-8")
    path.chmod(0o755)
    child = Process([str(path)], tmp_path, {}, tmp_path / "log.txt", LIMITS, 8, 1000)
    assert until_it_ends(child).status == -1
    assert child.refusal == "No such file or directory"
    child.kill()


def test_a_flood_of_output_is_dropped_and_counted_and_does_not_hold_it_up(start: Start, tmp_path: Path) -> None:
    ended = until_it_ends(start("print('x' * 999999); print('y' * 999999)", log_bytes=5000))
    assert (ended.status, ended.log_dropped) == (0, 2_000_000 - 5000)
    assert (tmp_path / "log.txt").read_bytes().startswith(b"x" * 5000)
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").endswith("\n(1,995,000 bytes more were not written)\n")


def test_lines_that_are_no_words_are_counted_and_one_without_an_end_breaks_the_line(start: Start) -> None:
    child = start(
        SAY + "os.write(int(os.environ['SKYRACK_WORKLOAD_FD']), b'hello\\n[1]\\n{\"a\": \\n'); say(b=1); time.sleep(60)"
    )
    said(child, "b")
    assert child.garbage == 3 and not child.hung_up
    flood = start(SAY + "fd = int(os.environ['SKYRACK_WORKLOAD_FD'])\nwhile True: os.write(fd, b'x' * 65536)")
    clock, hall = MachineClock(), MachineHall()
    end_ns = clock.now_ns() + 20 * 10**9
    while not flood.hung_up and clock.now_ns() < end_ns:
        hall.wait([flood], end_ns)
        assert flood.take() == []
    assert flood.hung_up and flood.garbage == 1
    flood.close()
    assert flood.ended is not None and flood.ended.why == "its line was closed or broken, and it did not end"


STUBBORN = SAY + (
    "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)\n"
    "say(pid=os.getpid()); time.sleep(600)"
)


def test_who_ignores_sigterm_is_killed_a_second_later(start: Start) -> None:
    child = start(STUBBORN)
    pid = said(child, "pid")["pid"]
    child.tell_keeper("end")
    assert until_it_ends(child).status == -signal.SIGKILL and not lives(int(str(pid)))


FAMILY = SAY + (
    "first = os.fork()\n"
    "if first == 0:\n"
    "    os.setsid()\n"  # a daemon of the old kind: in a session of its own, and its parent gone
    "    if os.fork() == 0:\n"
    "        for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)\n"
    "        say(daemon=os.getpid()); time.sleep(600)\n"
    "    os._exit(0)\n"
    "os.waitpid(first, 0)\n"
)


@pytest.mark.parametrize("end", ["kill", "by itself"])
def test_what_it_has_started_ends_with_it(start: Start, end: str) -> None:
    child = start(FAMILY + ("time.sleep(600)" if end == "kill" else "time.sleep(0.2)"))
    daemon = int(str(said(child, "daemon")["daemon"]))
    if end == "kill":
        child.kill()
    else:
        until_it_ends(child)
    assert child.ended is not None and not lives(daemon)


def test_more_processes_than_allowed_are_the_end(start: Start) -> None:
    another = "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])"
    child = start(f"import subprocess, sys, time\nfor _ in range(9): {another}\ntime.sleep(60)", processes=5)
    assert until_it_ends(child) == Ended(-9, "more than 5 processes", 0, 0)


def test_limits_hold_for_memory_files_and_processor_time(start: Start, tmp_path: Path) -> None:
    memory = until_it_ends(start("bytearray(10**9)", RLIMIT_AS=400_000_000))
    assert memory.status == 1 and "MemoryError" in (tmp_path / "log.txt").read_text(encoding="utf-8")
    big = start("import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('big', 'wb').write(b'x' * 10**7)")
    assert until_it_ends(big).status == -signal.SIGXFSZ
    assert (tmp_path / "big").stat().st_size == LIMITS["RLIMIT_FSIZE"]
    assert until_it_ends(start("while True: pass", RLIMIT_CPU=1)).status == -signal.SIGKILL


def test_it_is_stopped_and_goes_on(start: Start) -> None:
    answer = "signal.signal(signal.SIGUSR1, lambda *_: say(asked=1))\nsay(ready=1)\nwhile True: signal.pause()"
    child = start(SAY + "say(pid=os.getpid())\n" + answer)
    pid = int(str(said(child, "pid")["pid"]))
    said(child, "ready")
    child.tell_keeper("stop")
    child.tell_keeper("go")
    child.tell_keeper("checkpoint")
    said(child, "asked")
    assert lives(pid)


RANGE = """
import json, os, sys
from pathlib import Path
from node.executor.child import Process
from node.executor.executor import MachineHall
folder = Path(sys.argv[2])
child = Process([sys.executable, sys.argv[1]], folder, dict(os.environ), folder / "log.txt", {}, 8, 1000)
while True:
    for words in child.take():
        print(json.dumps(words), flush=True)
    MachineHall().wait([child], MachineHall().now_ns() + 10**9)
"""


@pytest.mark.parametrize("who", ["range", "keeper"])
def test_kill_9_of_the_range_or_of_the_keeper_leaves_no_process(tmp_path: Path, who: str) -> None:
    path = tmp_path / "program.py"
    tree = FAMILY if who == "range" else SAY  # who kills the keeper kills him whose children come back
    path.write_text(tree + "say(pid=os.getpid(), keeper=os.getppid()); time.sleep(600)", encoding="utf-8")
    command = [sys.executable, "-c", RANGE, str(path), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HOUSE) as process:
        try:
            assert process.stdout is not None
            found: dict[str, int] = {}
            while "keeper" not in found:
                found |= json.loads(process.stdout.readline())
            os.kill(process.pid if who == "range" else found["keeper"], signal.SIGKILL)
            pids = [pid for name, pid in found.items() if name != "keeper"]
            wait_until_gone(pids)
        finally:
            process.kill()


def wait_until_gone(pids: list[int]) -> None:
    clock = MachineClock()
    end_ns = clock.now_ns() + 10 * 10**9
    hall = MachineHall()
    while any(map(lives, pids)):
        assert clock.now_ns() < end_ns, f"still there: {[pid for pid in pids if lives(pid)]}"
        hall.wait([], clock.now_ns() + 20_000_000)
