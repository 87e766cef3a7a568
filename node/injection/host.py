"""The host seam: the computer that flight software runs on."""

from __future__ import annotations

from collections.abc import Mapping

from bus.draws import bits, stable_id
from bus.wire.messages import Injection, Scalar
from node.computer import Computer
from node.devices.clock import Clock
from node.fsw.boot import BootReason
from node.fsw.image import CODE_BITS
from node.fsw.services.st01_verification import CrashPoint
from node.injection.engine import SeamHandler
from node.injection.plant import _no_primitive

MOST_WORDS = 4096
"""Words that one fault flips bits in."""


class HostSeam(SeamHandler):
    """The on-board computer and its clock."""

    PRIMITIVES: Mapping[str, Mapping[str, object]] = {
        "reboot": {}, "kill": {"down_s": 0}, "hang": {}, "clock_jump": {"seconds": 0},
        "clock_drift": {"ppb": 0}, "clock_stop": {}, "bitflip": {"word": 0, "bit": 0, "bits": 1, "words": 1},
        "crash": {"point": 0}, "watch": {},
    }  # fmt: skip

    def __init__(self, computer: Computer, clock: Clock, who: tuple[int, str], tick_ns: int) -> None:
        self._computer = computer
        self._clock = clock
        self._who = who
        self._tick_ns = tick_ns

    def refusal(self, injection: Injection) -> str:
        """Unknown place or primitive, senseless figures."""
        if injection.place != "computer":
            return f"no host '{injection.place}'; allowed: computer"
        reason = _no_primitive(injection, self.PRIMITIVES)
        if reason:
            return reason
        for name in ("down_s", "seconds", "point", "ppb"):
            if name in self.PRIMITIVES[injection.primitive] and name not in injection.parameters:
                return f"parameter '{name}' is missing"
        if injection.primitive == "kill" and float(injection.parameters["down_s"]) < 0.0:
            return "parameter 'down_s' must not be negative"
        if injection.primitive == "bitflip" and not self._flippable(injection.parameters):
            return f"parameter 'bits' must be from 1 to {CODE_BITS}, 'words' from 1 to {MOST_WORDS}"
        if injection.primitive == "crash" and injection.parameters["point"] not in set(CrashPoint):
            return f"parameter 'point' must be one of {', '.join(str(int(point)) for point in CrashPoint)}"
        return ""

    def start(self, injection: Injection, tick: int) -> bool:
        """Do it. What has a duration stays: a computer that is down, an armed crash, a clock's jump that is to end."""
        primitive, parameters = injection.primitive, injection.parameters
        if primitive == "watch":  # the range wants to know that a law's condition came, and does the rest elsewhere
            return False
        if primitive == "reboot":
            self._computer.reset(tick, BootReason.RESET)
            return True
        elif primitive == "kill":
            down_ticks = round(float(parameters["down_s"]) * 1e9 / self._tick_ns)
            self._computer.reset(tick, BootReason.POWER_LOSS, down_ticks)
            return True
        elif primitive == "bitflip":
            self._flip(injection, tick)
        elif primitive == "clock_jump":
            self._clock.jump(round(float(parameters["seconds"]) * 1e9))
            return injection.end_ns != 0
        elif primitive == "clock_drift":
            self._clock.drift(round(float(parameters["ppb"])))
            return True
        elif primitive == "clock_stop":
            self._clock.stop(injection.injection)
            return True
        elif primitive == "hang":
            self._computer.hang(tick)
            return True
        else:
            self._computer.arm(int(parameters["point"]))
            return True
        return False

    def over(self, injection: Injection, tick: int) -> bool:
        """A restart lasts until flight software runs again. A computer that was reset, whoever did it, hangs no more;
        a crash that came is armed no more."""
        if injection.primitive in ("reboot", "kill"):
            return self._computer.up(tick)
        if injection.primitive == "hang":
            return not self._computer.hung
        return injection.primitive == "crash" and not self._computer.state.crash_at

    def end(self, injection: Injection, tick: int) -> None:
        """A hang ends in a reset, unless the watchdog was faster; a clock jumps back, and runs on from
        where drift or a stop have brought it."""
        if injection.primitive == "hang":
            if self._computer.hung:
                self._computer.reset(tick, BootReason.WATCHDOG)
        elif injection.primitive == "clock_jump":
            self._clock.jump(-round(float(injection.parameters["seconds"]) * 1e9))
        elif injection.primitive == "clock_drift":
            self._clock.drift(-round(float(injection.parameters["ppb"])))
        elif injection.primitive == "clock_stop":
            self._clock.go_on(injection.injection)
        elif injection.primitive == "crash":
            self._computer.arm(0)

    @staticmethod
    def _flippable(parameters: Mapping[str, Scalar]) -> bool:
        return 1 <= int(parameters.get("bits", 1)) <= CODE_BITS and 1 <= int(parameters.get("words", 1)) <= MOST_WORDS

    def _flip(self, injection: Injection, tick: int) -> None:
        if self._computer.fsw is None:
            return
        parameters = injection.parameters
        for lane in range(int(parameters.get("words", 1))):
            draw = bits(self._who[0], stable_id(f"host.{injection.injection}"), stable_id(self._who[1]), tick, lane)
            word = int(parameters["word"]) + lane if "word" in parameters else draw >> 6
            bit = int(parameters.get("bit", (draw & 63) * CODE_BITS >> 6))
            for neighbour in range(int(parameters.get("bits", 1))):
                self._computer.flip(word, (bit + neighbour) % CODE_BITS)

    def save(self) -> bytes:
        """The computer and the clock keep their own state."""
        return b""

    def restore(self, data: bytes, active: Mapping[str, Injection]) -> None:
        """Nothing to put back."""
