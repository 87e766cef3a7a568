"""The computer's own part: what a boot does and proves, the clock, and the reboot on request."""

from __future__ import annotations

from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.boot import INTENDED, BootReason, BootRecord
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, telemetered, telemetry
from node.fsw.managers.mode import ModeManager
from node.fsw.modes import ModeEvent
from node.fsw.rules import missed_cycles

IMAGES = ("full", "safe")
FULL, SAFE_IMAGE = range(2)
_REASONS = tuple(reason.name.lower() for reason in BootReason)


@dataclass(slots=True)
class State:
    """`last_obt_ns`: on-board time of the last cycle, none before the first."""

    computer_image: int = telemetered("enum", "Image that runs", labels=IMAGES, kept=True)
    watchdog_resets: int = telemetered("int", "Resets by the watchdog", kept=True)
    clock_steps: int = telemetered("int", "Times that on-board time did not advance by one cycle")
    last_obt_ns: int | None = None
    reboot: BootReason | None = None


class ComputerManager(Component):
    """The present boot."""

    name = "computer"
    state: State

    BOOTED = Event(
        1, "booted", Severity.LOW, "The computer started",
        (
            Arg("boot", "int", "number of the boot"),
            Arg("reason", "enum", "why", labels=_REASONS),
            Arg("boots_in_a_row", "int", "unintended boots without good running between"),
        ),
    )  # fmt: skip
    CLOCK_STEPPED = Event(
        10, "clock_stepped", Severity.MEDIUM, "On-board time did not advance by one cycle",
        (Arg("step_s", "float", "by how much it advanced instead", "s"),),
    )  # fmt: skip
    IMAGE = Event(
        75, "safe_image", Severity.HIGH,
        "The safe image runs: no payload, schedule, monitors, event-actions, statistics, until computer.image",
        (Arg("boots_in_a_row", "int", "unintended boots without good running between"),),
    )  # fmt: skip
    SAFE_AFTER = OnBoardParameter(
        name="mode.safe_after_boots", unit="", description="Unintended boots in a row that lead to SAFE",
        default=3, low=2, high=100,
    )  # fmt: skip
    IMAGE_AFTER = OnBoardParameter(
        name="computer.safe_image_after_boots", unit="", description="Unintended boots in a row until the safe image",
        default=5, low=2, high=100,
    )  # fmt: skip
    STABLE_AFTER = OnBoardParameter(
        name="mode.stable_after_s", unit="s", description="Time after which a boot counts as a good one",
        default=600.0, low=1.0, high=86_400.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, boot: BootRecord, modes: ModeManager) -> None:
        super().__init__(on_board, State())
        self.boot = boot
        self._modes = modes

    def start(self) -> None:
        """Report the boot, and take the safe image where the full one did not last. It stays until the ground acts."""
        state, reason = self.state, self.boot.reason
        self.event(self.BOOTED, *self.boot)
        if reason == BootReason.WATCHDOG:
            state.watchdog_resets += 1
            self.keep()
        if reason not in INTENDED and self.boot.in_a_row >= self.on_board.sane(self.IMAGE_AFTER):
            state.computer_image = SAFE_IMAGE
            self.keep()
        if state.computer_image == SAFE_IMAGE:
            self.event(self.IMAGE, self.boot.in_a_row)
            for group in range(len(self.on_board.equipment.accelerator_groups)):
                self.on_board.order("accelerators", "enable", group, 0)

    def judge_boots(self) -> None:
        """Too many boots in a row lead to SAFE."""
        if self.boot.in_a_row >= self.on_board.sane(self.SAFE_AFTER):
            self._modes.request(ModeEvent.REPEATED_REBOOT)

    def check_clock(self) -> None:
        """Each cycle's on-board time against the last one's."""
        state, obt_ns = self.state, self.on_board.state.obt_ns
        if state.last_obt_ns is not None:
            elapsed_ns = obt_ns - state.last_obt_ns
            if missed_cycles(elapsed_ns, self.on_board.cycle_ns):
                state.clock_steps += 1
                self.event(self.CLOCK_STEPPED, elapsed_ns / 1e9)
        state.last_obt_ns = obt_ns

    def cycle(self) -> None:
        """A boot that has run long enough breaks the row."""
        if self.boot.in_a_row and self.on_board.time_ns >= self.on_board.span_ns(self.STABLE_AFTER):
            self.boot = self.boot.proven(self.on_board.nvm)

    def restore(self, data: bytes) -> None:
        """The boot record is non-volatile memory's."""
        super().restore(data)
        self.boot = BootRecord.read(self.on_board.nvm)

    @function(
        "computer.reboot",
        2,
        "Restart the on-board computer; non-volatile memory is kept",
        hazardous=True,
        raises=(BOOTED,),
    )
    def reboot(self) -> Failure:
        """At the end of this cycle."""
        self.reset(BootReason.TELECOMMAND)
        return None

    @function(
        "computer.image", 92, "Restart the on-board computer with an image",
        Arg("image", "enum", "image", labels=IMAGES), hazardous=True, raises=(BOOTED, IMAGE),
    )  # fmt: skip
    def image(self, image: int) -> Failure:
        """At the end of this cycle. The full image gets a new row of boots to prove itself in."""
        if image == FULL:
            self.boot = self.boot.proven(self.on_board.nvm)
        self.state.computer_image = image
        self.keep()
        self.reset(BootReason.TELECOMMAND)
        return None

    @property
    def safe_image(self) -> bool:
        """Whether only the safe image's components have their turn."""
        return self.state.computer_image == SAFE_IMAGE

    @telemetry("int", "Unintended boots in a row, without good running between")
    def boots_in_a_row(self) -> int:
        """Some lead to SAFE, more to the safe image."""
        return self.boot.in_a_row

    def reset(self, reason: BootReason) -> None:
        """Restart at the end of this cycle."""
        self.state.reboot = reason

    @telemetry("int", "Boots of the computer")
    def boot_count(self) -> int:
        """From 1."""
        return self.boot.boot

    @telemetry("enum", "Why it booted last", labels=_REASONS)
    def boot_reason(self) -> int:
        """A `BootReason`."""
        return self.boot.reason

    @telemetry("int", "Cycles since the boot", name="cycle")
    def cycles(self) -> int:
        """From 1."""
        return self.on_board.state.cycle
