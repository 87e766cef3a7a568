"""What flight software is to its spacecraft: the small protocol that the reference implements, and yours may.

Whoever has these members can fly. The computer builds the object at every boot, which is its RAM; calls `boot` once and
then `step` every cycle; a reset drops it. It sees readings and hears the uplink, never truth. All times are integer
nanoseconds, all values SI in the units that the device forms name; frames are those of the forms' descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bus.dictionary import Dictionary
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Event, Message, StoreReport, Telecommand, Telemetry, TelemetryAck, Verification
from node.devices.device import DeviceForm, Order, Reading
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootReason, BootRecord
from node.fsw.modes import Mode

__all__ = [
    "Board", "BootReason", "BootRecord", "Cycle", "DeviceForm", "Dictionary", "Equipment", "Event", "Figures",
    "Message", "Mode", "NonVolatileMemory", "Order", "Packet", "Reading", "Rows", "Software", "StoreReport",
    "Telecommand", "Telemetry", "TelemetryAck", "Verification",
]  # fmt: skip
"""All that one's own needs, from one place."""

Packet = Telemetry | Event | Verification
Rows = Sequence[tuple[int, int, int, int]]
"""Of every (boot, stream) there ever was: boot, stream, packets generated, first that is still on board. Under boot 0
may stand together, summed up, of what the ground has everything."""


@dataclass(frozen=True, slots=True)
class Board:
    """What the computer is, and what is around it: the same at every boot.

    devices: readings come in their order, orders go to them by name; each form says which channels and orders it has.
    dictionary: what `declare` gave. cycle_ns: time between two steps. initial_mode: what the scenario begins in.
    telecommand_key: whoever has it may command (`bus.wire.authentication`). peers: who is at the other end of each
    optical terminal, in their order.
    """

    equipment: Equipment
    devices: tuple[DeviceForm, ...]
    dictionary: Dictionary
    cycle_ns: int
    initial_mode: Mode
    telecommand_key: bytes
    peers: tuple[str, ...] = ()


class Cycle(NamedTuple):
    """What one step gives.

    orders: for the devices, acting from the next tick on; each input of a device is set to the value, in the unit of
    the plant's input. packets: for the radio, in the order of sending; what goes beyond the reading
    `radio_downlink_budget_bytes` is not sent. reboot: why a restart is wanted, if one is. frames: for the optical
    terminals, each with the number of its head.
    """

    orders: Sequence[Order]
    packets: Sequence[Packet | StoreReport] = ()
    reboot: BootReason | None = None
    frames: Sequence[tuple[int, IslFrame]] = ()


class Figures(NamedTuple):
    """What the range notes of flight software in every tick; None: it does not say, and nobody guesses.

    mode: a `Mode`. payload_shed: whether it holds the payload off. generated, on_board: packets of all boots that were
    ever numbered, and that are held. made: packets of this boot by service (1, 3, 5).
    """

    mode: int | None = None
    payload_shed: bool | None = None
    generated: int | None = None
    on_board: int | None = None
    made: Mapping[int, int] = {}


class Software(Protocol):
    """Flight software. What it raises is a crash of the computer, which is reset and boots again 5 s later. Whoever
    derives from this class has `boot`, `figures` and `account` already, as one that says nothing."""

    def __init__(self, board: Board, nvm: NonVolatileMemory, boot: BootRecord) -> None:
        """Build it: at every boot, and before `restore`. `nvm` is what earlier boots wrote; `boot` says which this is
        and why. No orders and no packets yet."""
        ...

    @staticmethod
    def declare(equipment: Equipment, devices: tuple[DeviceForm, ...]) -> Dictionary:
        """All that it says and understands, by which the ground decodes, commands and checks. A function of its
        arguments alone: every process calls it for itself, and the answers must be equal."""
        ...

    def boot(self, obt_ns: int) -> None:
        """The first cycle follows, in the same tick. `obt_ns`: on-board time, which drifts and can step."""
        return None

    def step(self, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Message]) -> Cycle:
        """One cycle. `readings`: one per device in the order of `Board.devices`; copy what must stay. `uplink`:
        telecommands and acknowledgements as the receiver heard them, not yet authenticated; then the frames
        (`IslFrame`) that peers sent over optical links, where there are any."""
        ...

    def figures(self) -> Figures:
        """Asked after every step, and after one that crashed."""
        return Figures()

    def account(self, uplink: Sequence[Message]) -> Rows:
        """The last question of a run: take the acknowledgements that are still on their way, and tell of every packet
        what became of it. Asked of a newly built object where the computer is down at the end."""
        return ()

    def save(self) -> bytes:
        """All of the RAM, so that a twin goes on to the bit after `restore`. Non-volatile memory is not part of it."""
        ...

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave; non-volatile memory is as it was then."""
        ...
