"""The command-loss timer: a spacecraft that hears nothing for days takes its other receiver, and then goes to SAFE.

A receiver whose decoder hangs looks well from outside: contact, telemetry, no answer to telecommands (Galaxy 15, 2010).
Nobody on the ground can help then. What counts is a telecommand that came by radio and was authentic, whatever became
of it; what the on-board schedule releases does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered, telemetry
from node.fsw.managers.mode import ModeManager
from node.fsw.modes import Mode, ModeEvent

RECEIVERS = ("a", "b")
STAGES = ("none", "receiver_swapped", "safe")
NOTED_NS = 600 * 10**9
"""Between two notes of the silence in non-volatile memory: a reboot takes no more than that off it."""
_HELD = (Mode.LEOP, Mode.NOMINAL)
"""Modes above SAFE."""


@dataclass(slots=True)
class State:
    """The silence so far, as it was noted last and since; `due`: periods of it that have been answered."""

    radio_receiver_used: int = telemetered(
        "enum", "Receiver that flight software selected", labels=RECEIVERS, kept=True
    )
    command_loss_stage: int = telemetered("enum", "What the silence has led to", labels=STAGES, kept=True)
    receiver_swaps: int = telemetered("int", "Times that silence led to the other receiver", kept=True)
    noted_ns: int = kept(int)
    due: int = kept(int)
    since_ns: int = 0


class CommandLoss(Component):
    """The timer, and the receivers."""

    name = "command_loss"
    state: State

    LOST = Event(
        73, "command_loss", Severity.HIGH, "No telecommand for too long",
        (
            Arg("stage", "enum", "what follows", labels=STAGES),
            Arg("receiver", "enum", "receiver from now on", labels=RECEIVERS),
            Arg("silence_s", "float", "time without a telecommand", "s"),
        ),
    )  # fmt: skip
    HEARD = Event(
        74, "command_found", Severity.INFORMATIVE, "A telecommand came after a silence that had been answered",
        (Arg("receiver", "enum", "receiver that heard it", labels=RECEIVERS),),
    )  # fmt: skip
    # A command-loss timer of one to three days is the custom; the longer one never meets a quiet week-end [A].
    AFTER = OnBoardParameter(
        name="command_loss.after_s", unit="s", description="Time without a telecommand until the receivers are swapped,"
        " again after as long SAFE is entered, and so on",
        default=259_200.0, low=60.0, high=2_592_000.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, modes: ModeManager) -> None:
        super().__init__(on_board, State())
        self._modes = modes

    def start(self) -> None:
        """A boot selects the receiver that was in use."""
        self._select(self.state.radio_receiver_used)

    def heard(self) -> None:
        """An authentic telecommand came."""
        state = self.state
        answered = state.command_loss_stage
        if not (answered or state.noted_ns):
            state.since_ns = 0
            return
        state.noted_ns = state.since_ns = state.due = state.command_loss_stage = 0
        self.keep()
        if answered:
            self.event(self.HEARD, state.radio_receiver_used)

    def cycle(self) -> None:
        """One cycle of silence more; each period that is over is answered once."""
        state = self.state
        state.since_ns += self.on_board.cycle_ns
        silence_ns = state.noted_ns + state.since_ns
        if silence_ns >= (state.due + 1) * self.on_board.span_ns(self.AFTER):
            self._answer(silence_ns)
        elif state.since_ns >= NOTED_NS:
            state.noted_ns, state.since_ns = silence_ns, 0
            self.keep()

    @telemetry("float", "Time since the last authentic telecommand", "s")
    def command_silence_s(self) -> float:
        """On the computer's timer; over reboots, without the time that they took."""
        return (self.state.noted_ns + self.state.since_ns) / 1e9

    def _answer(self, silence_ns: int) -> None:
        """First the other receiver; from the second period on SAFE as well, and the receivers take turns."""
        state = self.state
        state.due += 1
        state.command_loss_stage = min(state.due, len(STAGES) - 1)
        state.receiver_swaps += 1
        state.radio_receiver_used = 1 - state.radio_receiver_used
        state.noted_ns, state.since_ns = silence_ns, 0
        self.keep()
        self._select(state.radio_receiver_used)
        self.event(self.LOST, state.command_loss_stage, state.radio_receiver_used, silence_ns / 1e9)
        if state.due > 1 and self._modes.mode in _HELD:
            self._modes.request(ModeEvent.MONITOR_SAFE)

    def _select(self, receiver: int) -> None:
        self.on_board.order("radio", "receiver", 0, receiver)

    @function(
        "radio.receiver", 91, "Select the radio's receiver; the other one is cold redundant. Survives a reboot",
        Arg("receiver", "enum", "receiver", labels=RECEIVERS), hazardous=True,
    )  # fmt: skip
    def receiver(self, receiver: int) -> Failure:
        """What is not heard by it never comes, until the timer swaps them again."""
        self.state.radio_receiver_used = receiver
        self.keep()
        self._select(receiver)
        return None
