"""What holds flight software in the computer: all that it gives is looked at here before anything acts on it.

Flight software may be anybody's. What makes no sense stays here, is counted by its kind and told once; what it raises
is a crash of the computer, as a real one would crash. The reference is held to the same by its tests, which fly it as
somebody's own; in a run an exception of it that no fault asked for is a fault of the range, and ends the run.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bus.errors import MessageRefused, UserError
from bus.pus import PACKETS_MADE
from bus.wire.codec import encode
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Event, Message, StoreReport, Telemetry, Verification
from node.devices.device import Order, Reading
from node.devices.nvm import NonVolatileMemory
from node.devices.order_limits import OrderLimit
from node.fsw.boot import BootReason, BootRecord
from node.fsw.modes import Mode
from node.fsw.protocol import Board, Cycle, Figures, Packet, Rows, Software
from node.fsw.services.packet_streams import FRAME_BYTES
from node.fsw.services.packets import size_of
from node.fsw.services.st01_verification import Crashed
from node.fsw.services.st03_housekeeping import FIRST_NUMBER
from node.fsw.software import FlightSoftware
from node.own_memory import OwnMemory

MAX_ORDERS = 1024
"""In one cycle: every element of every input of the largest design, several times over [A]."""
MAX_PACKETS = 512
"""In one cycle: twice what the reference sends at most [A]."""
MAX_FRAMES = 64
"""In one cycle: as many as a head lets wait."""
MAX_STREAMS = 1024
MAX_ROWS = 8192 - MAX_STREAMS  # an account takes 8,192: those of flight software, and what was seen to leave
"""(boot, stream) pairs that are followed; the reference has ten a boot [A]."""
MAX_COUNT = 2**53
MAX_TOLD = 3
"""Crashes whose traceback is written out: the fourth is like the third."""
Limits = Mapping[tuple[str, str], OrderLimit]
T = TypeVar("T")


class Stopped(Exception):
    """The computer crashed. What was written to non-volatile memory stays."""


@dataclass(slots=True)
class Caught:
    """What was caught since the run began. crashes: exceptions. refused: what made no sense, by kind. sent: of each
    (boot, stream), the number after the highest that left."""

    crashes: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    sent: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What the range counts of flight software: 0 if it behaved."""
        return self.crashes + sum(self.refused.values())

    def counters(self) -> dict[str, float]:
        """For the final account: nothing where there is nothing."""
        named = {f"software.refused.{kind}": float(n) for kind, n in sorted(self.refused.items())}
        return {"software.crashes": float(self.crashes), **named} if self.total else {}


class Harness:
    """Builds flight software and asks it. `say` hears, once for each kind, what was caught. `outside`: what is built
    stands for a program that is elsewhere, so that people are told of that, in its protocol's words."""

    def __init__(
        self, software: type[Software], board: Board, limits: Limits, who: str, *, outside: bool = False
    ) -> None:
        self.caught = Caught()
        self.say: Callable[[str], None] = lambda text: None
        self._make = software
        self._board = board
        self._limits = limits
        self._own = software is not FlightSoftware
        self._outside = outside
        self._name = f"{who}: flight software {software.__module__}:{software.__qualname__}"
        if outside:
            self._name = f"flight software outside of {who}"
        self._kinds: tuple[type[BaseException], ...] = (Exception, SystemExit) if self._own else (Crashed,)
        self._version = bytes.fromhex(board.dictionary.version)
        self._boot = 0

    # ---- calls that may crash -----------------------------------------------------------------------------------

    def build(self, nvm: NonVolatileMemory, boot: BootRecord) -> Software:
        """The object of a boot. Raises Stopped."""
        self._boot = boot.boot
        return self._asked(lambda: self._make(self._board, OwnMemory(nvm) if self._own else nvm, boot))

    def start(self, fsw: Software, obt_ns: int) -> None:
        """What a boot does. Raises Stopped."""
        self._asked(lambda: fsw.boot(obt_ns))

    def step(
        self, fsw: Software, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Message], budget_bytes: float
    ) -> Cycle:
        """One cycle, and what of it makes sense. Raises Stopped."""
        if not self._own:
            try:
                return fsw.step(obt_ns, readings, uplink)
            except Crashed:
                raise Stopped from None
        own = [Reading(reading.values.copy(), reading.age_ticks) for reading in readings]  # whoever writes into them
        given = self._asked(lambda: fsw.step(obt_ns, own, uplink))
        if type(given) is not Cycle:
            given = self._cycle(given)
        orders, packets, reboot, frames = given
        if orders:
            orders = self._orders(orders)
        if packets:
            packets = self._packets(packets, budget_bytes)
        if reboot is not None and reboot not in set(BootReason):
            self._refuse("reboot", f"reboot {reboot!r}; allowed: None or a BootReason")
            reboot = None
        return Cycle(orders, packets, reboot, self._frames(frames) if frames else ())

    def figures(self, fsw: Software) -> Figures:
        """What it says of itself; nothing where that makes no sense."""
        if not self._own:
            return fsw.figures()
        try:
            given = fsw.figures()
            mode, shed, *counts = given
            sound = (
                (mode is None or mode in set(Mode))
                and (shed is None or shed in (False, True))
                and all(n is None or _is_count(n) for n in counts[:2])
                and all(_is_count(given.made.get(service, 0)) for service in PACKETS_MADE)
            )
        except Exception as error:
            sound = False
            given = _brief(error)  # type: ignore[assignment]
        if not sound:
            self._refuse("figures", f"figures() gave {_shown(given)}; allowed: a Figures of whole numbers and None")
        return given if sound else Figures()

    def account(
        self, fsw: Software | None, nvm: NonVolatileMemory, boot: BootRecord, uplink: Sequence[Message]
    ) -> Rows:
        """(boot, stream, generated, first on board) of every packet there ever was. Whatever has left was generated,
        even where flight software does not say so."""
        rows: dict[tuple[int, int], tuple[int, int]] = {}
        try:
            given = (self.build(nvm, boot) if fsw is None else fsw).account(uplink)
            for row in list(given)[:MAX_ROWS]:
                of, stream, generated, first = row
                if all(_is_count(n) for n in row) and of <= boot.boot and stream <= 255 and first <= generated:
                    rows[of, stream] = generated, first
                else:
                    self._refuse("account", f"account() gave {_shown(row)}; allowed: boot, stream, generated, first")
        except Stopped:
            pass
        except Exception as error:
            if not self._own:
                raise
            self._refuse("account", f"account() raised {_brief(error)}")
        for stream in sorted(stream for of, stream in rows if of == 0):
            self._fold(stream, [of for of, each in self.caught.sent if each == stream and (of, stream) not in rows])
        for key, following in self.caught.sent.items():
            generated, first = rows.get(key, (0, 0))
            if generated < following:
                rows[key] = following, max(first, following)
        return [(*key, *rows[key]) for key in sorted(rows)]

    def tell(self, fsw: Software, what: str, *arguments: int) -> None:
        """What only the range's faults ask for (`arm`, `flip`), and not every flight software has."""
        method = getattr(fsw, what, None)
        if method is None:
            return
        try:
            method(*arguments)
        except self._kinds as error:
            self._refuse(what, f"the fault that calls {what}(): {_brief(error)}")

    def memory_words(self, fsw: Software) -> int:
        """Words of its memory that upsets can reach; 0 where it does not say so."""
        try:
            words = getattr(fsw, "memory_words", 0)
        except self._kinds as error:
            words = _brief(error)
        if not _is_count(words):
            self._refuse("memory_words", f"memory_words {_shown(words)}; allowed: a whole number")
            return 0
        return int(words)

    def save(self, fsw: Software) -> bytes:
        """Its RAM. Raises UserError where somebody's own does not give it."""
        if not self._own:
            return fsw.save()
        try:
            saved = fsw.save()
        except Exception as error:
            raise self._broken("save()", _brief(error)) from error
        if type(saved) is not bytes:
            raise self._broken("save()", f"it gave {_shown(saved)}")
        return saved

    def restore(self, nvm: NonVolatileMemory, boot: BootRecord, ram: bytes) -> Software:
        """A twin that goes on. Raises UserError where somebody's own cannot."""
        self._boot = boot.boot
        if not self._own:
            fsw = self._make(self._board, nvm, boot)
            fsw.restore(ram)
            return fsw
        try:
            fsw = self._make(self._board, OwnMemory(nvm), boot)
            fsw.restore(ram)
        except Exception as error:
            raise self._broken("restore()", _brief(error)) from error
        return fsw

    def _broken(self, what: str, why: str) -> UserError:
        return UserError(
            f"{self._name}: {what} failed: {why}", hint="save() gives all of its RAM as bytes, restore() takes them"
        )

    def _asked(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except self._kinds as error:
            raise self._crashed(error) from error

    def _crashed(self, error: BaseException) -> Stopped:
        if not isinstance(error, Crashed):  # that one was a fault's
            self.caught.crashes += 1
            if self.caught.crashes <= MAX_TOLD:
                self.say(f"{self._name} crashed\n" + "".join(traceback.format_exception(error)).rstrip())
        return Stopped()

    # ---- what it gives --------------------------------------------------------------------------------------------

    def _refuse(self, kind: str, text: str) -> None:
        refused = self.caught.refused
        if kind not in refused:
            self.say(f"{self._name}: refused {text}")
        refused[kind] = refused.get(kind, 0) + 1

    def _cycle(self, given: Any) -> Cycle:
        """Plain tuples are as good as a `Cycle`."""
        if isinstance(given, tuple) and 1 <= len(given) <= len(Cycle._fields):
            return Cycle(*given)
        self._refuse("cycle", f"step() gave {_shown(given)}; allowed: a Cycle, or (orders, packets)")
        return Cycle(())

    def _orders(self, given: Iterable[Any]) -> Sequence[Order]:
        """Those that their device has."""
        taken: list[Order] = []
        for order in self._some("orders", given, MAX_ORDERS):
            if not isinstance(order, tuple) or len(order) != len(Order._fields):
                self._refuse("order", f"order {_shown(order)}; allowed: Order(device, what, element, value)")
                continue
            device, what, element, value = order
            try:
                limit = self._limits.get((device, what))
            except TypeError:
                limit = None
            if limit is None:
                known = ", ".join(sorted(f"{d}.{w}" for d, w in self._limits))
                self._refuse("unknown_order", f"order {self._order(order)}; allowed: {known}")
            elif not limit.takes(element, value):
                fractions = "whole numbers " if limit.whole else ""
                most = f"elements 0 to {limit.elements - 1}, {fractions}{limit.low:g} to {limit.high:g}"
                self._refuse("order_value", f"order {self._order(order)}; allowed: {most}")
            else:
                taken.append(order if type(order) is Order else Order(*order))
        return taken

    def _order(self, order: tuple[Any, ...]) -> str:
        """For people: as their program wrote it."""
        if not self._outside:
            return _shown(order)
        device, what, element, value = order
        return f"{device}.{what}, element {element}, value {value:g}"

    def _packets(self, given: Iterable[Any], budget_bytes: float) -> Sequence[Packet | StoreReport]:
        """Those that the dictionary has, as far as the link carries them."""
        taken: list[Packet | StoreReport] = []
        for body in self._some("packets", given, MAX_PACKETS):
            why = self._wrong(body)
            if why:
                self._refuse("packet", why)
                continue
            if not isinstance(body, StoreReport):
                budget_bytes -= size_of(body) + FRAME_BYTES
                if budget_bytes < 0.0:
                    self._refuse("rate", "packets beyond the link's rate; allowed: radio_downlink_budget_bytes a cycle")
                    break
                key = body.boot, body.stream
                self.caught.sent[key] = max(self.caught.sent.get(key, 0), body.sequence + 1)
            else:
                for below, stream in body.settled:
                    self._fold(stream, [of for of, each in self.caught.sent if each == stream and of < below])
            taken.append(body)
        return taken

    def _frames(self, given: Iterable[Any]) -> Sequence[tuple[int, IslFrame]]:
        """Those that a head can carry."""
        taken: list[tuple[int, IslFrame]] = []
        for pair in self._some("frames", given, MAX_FRAMES):
            head, frame = pair if isinstance(pair, tuple) and len(pair) == 2 else (None, None)
            if type(head) is not int or not 0 <= head < len(self._board.peers) or not isinstance(frame, IslFrame):
                most = f"(head, IslFrame), heads 0 to {len(self._board.peers) - 1}" if self._board.peers else "no peers"
                self._refuse("frame", f"frame {_shown(pair)}; allowed: {most}")
                continue
            try:
                IslFrame.model_validate(frame.__dict__)
                taken.append((head, frame))
            except ValueError as error:
                self._refuse("frame", f"frame {_shown(frame)}; allowed: what its schema takes ({_brief(error)})")
        return taken

    def _fold(self, stream: int, boots: Sequence[int]) -> None:
        """Count what left of these boots together, under boot 0: flight software has settled and forgotten them."""
        sent = self.caught.sent
        total = sum(sent.pop((of, stream)) for of in boots)
        if total:
            sent[0, stream] = sent.get((0, stream), 0) + total

    def _wrong(self, body: Any) -> str:
        """Why a packet cannot be sent, empty if it can."""
        if not isinstance(body, Telemetry | Event | Verification | StoreReport):
            return f"packet {_shown(body)}; allowed: Telemetry, Event, Verification, StoreReport of bus.wire.messages"
        try:
            type(body).model_validate(body.__dict__)
            encode(Message(0, "own", 0, "ground", body))
        except (ValueError, TypeError, MessageRefused) as error:
            why = " ".join(str(error).split())[:300]
            return f"packet {_shown(body)}; allowed: what its schema takes ({why})"
        if isinstance(body, StoreReport):
            return ""
        if not 0 < body.boot <= self._boot:
            return f"packet of boot {body.boot}; allowed: 1 to {self._boot}"
        if (body.boot, body.stream) not in self.caught.sent and len(self.caught.sent) >= MAX_STREAMS:
            return f"packet of boot {body.boot}, stream {body.stream}; allowed: {MAX_STREAMS} of them"
        words = self._board.dictionary
        if isinstance(body, Telemetry):
            structure = words.structure.get(body.structure)
            if structure is None and body.structure >= FIRST_NUMBER:
                return ""  # made in flight: what it holds is told by other packets
            if structure is None or len(structure.parameters) != len(body.values):
                return f"telemetry of structure {body.structure} with {len(body.values)} values; allowed: as declared"
            if body.dictionary != self._version:
                return f"telemetry of dictionary {body.dictionary.hex()}; allowed: {words.version}"
        elif isinstance(body, Event):
            event = words.event.get(body.event)
            if event is None or len(event.arguments) != len(body.arguments):
                return f"event {body.event} with {len(body.arguments)} arguments; allowed: as declared"
        return ""

    def _some(self, what: str, given: Iterable[T], most: int) -> list[T]:
        """A list of at most so many. What is no list is none."""
        if not isinstance(given, list | tuple):
            self._refuse(what, f"{what} {_shown(given)}; allowed: a list")
            return []
        if len(given) > most:
            self._refuse(f"{what}_overflow", f"{len(given)} {what} in a cycle; allowed: {most}")
        return list(given[:most])


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]


def _shown(value: object) -> str:
    try:
        return re.sub(r" at 0x[0-9a-f]+", "", repr(value))[:120]
    except Exception:
        return f"a {type(value).__name__}"
