"""The contacts that the ground has announced: when the transmitter is on, and which transfers begin.

Without a plan the transmitter is on and everything goes down as it comes. A plan says when an antenna will point here,
in on-board time. Transfers that would not end before the contact does wait for another one (`transfer_gate`), and where
the ground wants it, the transmitter is on only around the contacts. Whatever makes the plan doubtful switches it on: no
contact left, a clock that stepped, a mode below NOMINAL, a long silence, a telecommand that came outside the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered, telemetry
from node.fsw.datapool import Layout
from node.fsw.services.st15_storage import Storage
from node.fsw.services.transfer_gate import Gate, Window

CAPACITY = 64
"""Contacts that the plan holds [A]: some days of a low orbit over a few stations."""
SWITCHING = ("always_on", "planned")
ALWAYS_ON, PLANNED = range(2)
MOST_STATIONS = 65_535
_LONGEST_S = 3.2e8  # ten years
_STATION = Arg("station", "int", "number of the station, as the ground counts them", low=1, high=MOST_STATIONS)


@dataclass(slots=True)
class Entry:
    """A contact to come, in on-board time."""

    start_ns: int
    end_ns: int
    station: int


@dataclass(slots=True)
class State:
    """Entries in the order of their times; none overlap. last_end_ns: of the contact before. met: an antenna pointed
    here in the first of them. noted_ns: on-board time of the last writing: a clock that shows less after a boot was set
    back. ahead_ns: by how much the clock is ahead of the computer's timer, while nothing is wrong with it. heard_ns:
    when the last telecommand came, on that timer."""

    transmitter_switching: int = telemetered("enum", "When the transmitter is on", labels=SWITCHING, kept=True)
    contact_plan_suspended: bool = telemetered(
        "bool", "The clock stepped: the contact plan counts for nothing until the ground says so", default=False,
        kept=True,
    )  # fmt: skip
    planned_contacts_met: int = telemetered("int", "Planned contacts in which an antenna pointed here", kept=True)
    planned_contacts_missed: int = telemetered("int", "Planned contacts in which none did", kept=True)
    entries: list[Entry] = kept(list)
    last_end_ns: int = kept(int)
    met: bool = kept(bool)
    noted_ns: int = kept(int)
    transmitter_ordered: bool = telemetered("bool", "The transmitter was told to be on", default=True)
    ahead_ns: int | None = None
    heard_ns: int | None = None


def window_of(entries: Sequence[Entry], now_ns: int, margin_ns: int, bytes_per_ns: float) -> Window:
    """The first entry, which is not over, as the packet store needs to know it."""
    first = entries[0]
    if first.start_ns > now_ns:
        return Window(0, 0.0, float("inf"))
    longest_ns = max(entry.end_ns - entry.start_ns for entry in entries)
    left_ns, longest_ns = (max(0, span_ns - margin_ns) for span_ns in (first.end_ns - now_ns, longest_ns))
    return Window(first.start_ns + 1, left_ns * bytes_per_ns, longest_ns * bytes_per_ns)


class ContactPlan(Component):
    """The table of contacts. `trusted`: whether the mode and the time without telecommands let a plan rule."""

    name = "contact_plan"
    state: State

    MISSED = Event(
        105, "planned_contact_missed", Severity.LOW, "A planned contact is over, and no antenna pointed here",
        (_STATION, Arg("start_s", "float", "on-board time at which it should have begun", "s")),
    )  # fmt: skip
    SUSPENDED = Event(
        106, "contact_plan_suspended", Severity.MEDIUM,
        "The clock stepped: the transmitter stays on, and no transfer waits, until plan.resume or plan.clear",
        (Arg("step_s", "float", "by how much the clock advanced too much", "s"),),
    )  # fmt: skip
    HELD = Event(
        107, "transfer_held", Severity.INFORMATIVE,
        "A transfer does not end before the contact does, and waits for another one",
        (
            Arg("held_bytes", "float", "what is left of it, on the link", "B"),
            Arg("left_bytes", "float", "what the contact still carries", "B"),
        ),
    )  # fmt: skip
    # A clock of 0.5 ppm is off by 0.3 s after a week; prediction errors are of some seconds [A].
    LEAD = OnBoardParameter(
        name="plan.lead_s", unit="s", description="Time before and after a planned contact with the transmitter on",
        default=30.0, low=0.0, high=3600.0,
    )  # fmt: skip
    MARGIN = OnBoardParameter(
        name="plan.margin_s", unit="s", description="How long before the end of a planned contact transfers are over",
        default=10.0, low=0.0, high=3600.0,
    )  # fmt: skip
    ANSWER = OnBoardParameter(
        name="plan.answer_s", unit="s", description="Time with the transmitter on after a telecommand, plan or not",
        default=600.0, low=0.0, high=86_400.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage, trusted: Callable[[], bool]) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._trusted = trusted
        self._contact = layout.index["radio_contact"]
        self._budget = layout.index["radio_downlink_budget_bytes"]

    def heard(self) -> None:
        """An authentic telecommand came: somebody listens."""
        self.state.heard_ns = self.on_board.time_ns

    def cycle(self) -> None:
        """The clock, what is over, what waits, the transmitter."""
        state = self.state
        if not state.entries:
            state.ahead_ns = None
        elif not state.contact_plan_suspended:
            self._check_clock()
            if not state.contact_plan_suspended:
                self._pass_by()
        if self._gate.held_bytes:
            for size in self._gate.take_held():
                self.event(self.HELD, size, self.planned_contact_left_bytes())
        wanted = self._transmits()
        if wanted is not state.transmitter_ordered:
            state.transmitter_ordered = wanted
            self.on_board.order("radio", "transmitter", 0, 1 if wanted else 0)

    def window(self) -> Window | None:
        """The contact that is planned now, for the packet store. None: no plan rules."""
        state, now_ns = self.state, self.on_board.state.obt_ns
        if not state.entries or state.contact_plan_suspended:
            return None
        return window_of(state.entries, now_ns, self.on_board.span_ns(self.MARGIN), self._bytes_per_ns())

    @property
    def _gate(self) -> Gate:
        return self._storage.store.state.gate

    def _bytes_per_ns(self) -> float:
        budget: float = self.on_board.state.pool.item(self._budget)
        return budget / self.on_board.cycle_ns

    def _check_clock(self) -> None:
        """A clock that stepped, stands or runs away, by more than the plan allows for, as the computer's timer has it.
        Over a reboot only a step backwards can be told from the time that it took."""
        state, now_ns = self.state, self.on_board.state.obt_ns
        ahead_ns = now_ns - self.on_board.time_ns
        if state.ahead_ns is None:
            state.ahead_ns = ahead_ns - min(0, now_ns - state.noted_ns)
        step_ns = ahead_ns - state.ahead_ns
        if abs(step_ns) > self.on_board.span_ns(self.LEAD):
            state.contact_plan_suspended, state.ahead_ns = True, None
            self._write()
            self.event(self.SUSPENDED, step_ns / 1e9)

    def _pass_by(self) -> None:
        """Contacts that are over leave the plan."""
        state, now_ns = self.state, self.on_board.state.obt_ns
        while state.entries and state.entries[0].end_ns <= now_ns:
            entry = state.entries.pop(0)
            met, state.met, state.last_end_ns = state.met, False, entry.end_ns
            state.planned_contacts_met += met
            state.planned_contacts_missed += not met
            self._write()
            if not met:
                self.event(self.MISSED, entry.station, entry.start_ns / 1e9)
        if state.entries and not state.met and state.entries[0].start_ns <= now_ns:
            state.met = bool(self.on_board.state.pool.item(self._contact))
            if state.met:
                self._write()

    def _transmits(self) -> bool:
        """Off only where a plan rules, and nothing speaks against it."""
        state = self.state
        if state.transmitter_switching == ALWAYS_ON or not state.entries or state.contact_plan_suspended:
            return True
        if not self._trusted():
            return True
        if state.heard_ns is not None:
            if self.on_board.time_ns - state.heard_ns < self.on_board.span_ns(self.ANSWER):
                return True
            state.heard_ns = None
        now_ns, lead_ns = self.on_board.state.obt_ns, self.on_board.span_ns(self.LEAD)
        if state.entries[0].start_ns - lead_ns <= now_ns:
            return True
        return state.last_end_ns > 0 and now_ns < state.last_end_ns + lead_ns

    def _write(self) -> None:
        self.state.noted_ns = self.on_board.state.obt_ns
        self.keep()

    @telemetry("int", "Contacts in the contact plan that are not over")
    def contact_plan_entries(self) -> int:
        """The present one too."""
        return len(self.state.entries)

    @telemetry("float", "On-board time at which the present or next planned contact begins; 0: none is planned", "s")
    def planned_contact_start_s(self) -> float:
        """Of the first entry."""
        return self.state.entries[0].start_ns / 1e9 if self.state.entries else 0.0

    @telemetry("float", "On-board time at which it ends", "s")
    def planned_contact_end_s(self) -> float:
        """Of the first entry."""
        return self.state.entries[0].end_ns / 1e9 if self.state.entries else 0.0

    @telemetry("int", "Number of its station, as the ground counts them; 0: none is planned")
    def planned_contact_station(self) -> int:
        """Of the first entry."""
        return self.state.entries[0].station if self.state.entries else 0

    @telemetry("float", "What the present planned contact still carries until transfers must be over", "B")
    def planned_contact_left_bytes(self) -> float:
        """At the present rate; 0 where none is planned."""
        window = self.window()
        return 0.0 if window is None else window.left_bytes

    @telemetry("int", "Transfers that were made to wait for another contact")
    def transfers_held(self) -> int:
        """Since the boot."""
        return self._gate.held

    @function(
        "plan.insert", 245, "Insert a contact into the contact plan; survives a reboot",
        Arg("start_s", "float", "on-board time at which it begins", "s", 0.0, _LONGEST_S),
        Arg("end_s", "float", "on-board time at which it ends, not over yet", "s", 0.0, _LONGEST_S), _STATION,
    )  # fmt: skip
    def insert(self, start_s: float, end_s: float, station: int) -> Failure:
        """One that has begun is taken; one that is over, or that overlaps another one, is not."""
        state, entry = self.state, Entry(round(start_s * 1e9), round(end_s * 1e9), station)
        if state.contact_plan_suspended:
            return (
                Code.REFUSED_BY_STATE,
                "the clock stepped, the plan is suspended; plan.clear first, or plan.resume",
            )
        if entry.start_ns >= entry.end_ns:
            return Code.OUT_OF_RANGE, f"from {start_s:.9g} s to {end_s:.9g} s is no contact"
        late_ns = self.on_board.state.obt_ns - entry.end_ns
        if late_ns >= 0:
            return Code.IN_THE_PAST, f"it was over {late_ns / 1e9:.9g} s ago"
        for other in state.entries:
            if entry.start_ns < other.end_ns and other.start_ns < entry.end_ns:
                there = f"{other.start_ns / 1e9:.9g} s to {other.end_ns / 1e9:.9g} s"
                return Code.REFUSED_BY_STATE, f"it overlaps the contact from {there}"
        if len(state.entries) >= CAPACITY:
            return Code.FULL, f"{CAPACITY} contacts are planned"
        first = state.entries[0] if state.entries else None
        state.entries.append(entry)
        state.entries.sort(key=lambda one: one.start_ns)
        state.met = state.met and state.entries[0] is first
        self._write()
        return Code.NONE, f"{len(state.entries)} contacts"

    @function(
        "plan.delete", 246, "Delete a contact from the contact plan",
        Arg("at_s", "float", "on-board time that lies in it", "s", 0.0, _LONGEST_S),
    )  # fmt: skip
    def delete(self, at_s: float) -> Failure:
        """There is one at most."""
        state, at_ns = self.state, round(at_s * 1e9)
        found = next((one for one in state.entries if one.start_ns <= at_ns < one.end_ns), None)
        if found is None:
            there = ", ".join(f"{one.start_ns / 1e9:.9g} s" for one in state.entries[:8]) or "none"
            return Code.NO_SUCH_ENTRY, f"no contact at {at_s:.9g} s; contacts begin at: {there}"
        state.met = state.met and found is not state.entries[0]
        state.entries.remove(found)
        self._write()
        return None

    @function("plan.clear", 247, "Delete all contacts of the contact plan; the transmitter is on until others come")
    def clear(self) -> Failure:
        """A suspended plan is none any more."""
        state = self.state
        gone = len(state.entries)
        state.entries, state.met, state.contact_plan_suspended, state.last_end_ns = [], False, False, 0
        self._write()
        return Code.NONE, f"{gone} contacts"

    @function("plan.resume", 248, "Let the contact plan count again after the clock stepped: it was set right")
    def resume(self) -> Failure:
        """Contacts that went by meanwhile count as missed."""
        self.state.contact_plan_suspended = False
        self._write()
        return None

    @function(
        "plan.transmitter", 249, "When the transmitter is on; survives a reboot",
        Arg("switching", "enum", "always, or only around planned contacts while some are planned", labels=SWITCHING),
    )  # fmt: skip
    def transmitter(self, switching: int) -> Failure:
        """Without a plan it is on in either case."""
        self.state.transmitter_switching = switching
        self._write()
        return None
