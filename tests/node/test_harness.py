"""Flight software of a user's own at the seam: it flies like the reference, and whatever it does wrong stays there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bus.dictionary import Dictionary, EventForm, Parameter, Structure
from bus.errors import Refused, UserError
from bus.pus import Service
from bus.wire.codec import encode
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Account, Event, Packet, Telemetry
from node import own_software
from node.assembly import dictionary, equipment, wire
from node.designs.load import load_design, with_flight_software
from node.devices.definitions import device_forms
from node.fsw.protocol import Cycle, Figures, Order, Software
from node.fsw.software import FlightSoftware
from node.harness import MAX_ORDERS, MAX_PACKETS
from node.node import Node
from node.own_memory import OwnMemory
from tests.kits.fake_spacecraft import FakePlant, Flight, config
from tests.node.test_node import SIGNALS

CORE = Structure(id=1, name="core", parameters=("battery_soc",), interval_s=30.0)
WOKE = EventForm(id=1, name="woke", severity=1, arguments=(), description="It started")


class Plain(Software):
    """As little as can be: it says nothing and does nothing, and does what a test puts into `wish`."""

    wish: Any = staticmethod(lambda self: ((), ()))

    @staticmethod
    def declare(equipment: Any, devices: Any) -> Dictionary:
        soc = Parameter(name="battery_soc", unit="1", type="float", description="State of charge")
        return Dictionary(
            design="", parameters=(soc,), structures=(CORE,), events=(WOKE,), telecommands=(), codes={}
        )  # fmt: skip

    def __init__(self, board: Any, nvm: Any, boot: Any) -> None:
        self.board, self.nvm, self.boots, self.steps = board, nvm, boot.boot, 0

    def step(self, obt_ns: int, readings: Any, uplink: Any) -> Any:
        self.steps += 1
        return type(self).wish(self)

    def save(self) -> bytes:
        return json.dumps([self.steps]).encode()

    def restore(self, data: bytes) -> None:
        (self.steps,) = json.loads(data)

    def telemetry(self, sequence: int, **other: Any) -> Telemetry:
        fields = {"boot": self.boots, "stream": 3, "sequence": sequence, "obt_ns": 0, "structure": 1}
        version = bytes.fromhex(self.board.dictionary.version)
        return Telemetry(**{**fields, "dictionary": version, "values": (0.5,), **other})


def flight_of(software: type, monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> Flight:
    """A spacecraft with a plant that stands still and this flight software."""
    monkeypatch.setattr(own_software, "find", lambda name, beside=None: own_software.Found(software, "0" * 32))
    design = with_flight_software("pathfinder", f"here:{software.__name__}", "0" * 32)
    dictionary.cache_clear()
    flight = Flight(**arguments)
    plain = flight.config
    flight.config = type(plain)(**{**_fields(plain), "design": load_design(design)})
    flight.plant = FakePlant()
    flight.plant.inputs["transmitter_on"] = 1.0  # as a real one has it at the start
    flight.node = Node(flight.config, wire(flight.config, flight.plant))
    if arguments.get("contact"):
        flight.point()
    return flight


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def wishing(wish: Any) -> type[Plain]:
    return type("Wishing", (Plain,), {"wish": staticmethod(wish)})


def caught(flight: Flight) -> Any:
    return flight.node.parts.computer.state.caught


def flown(software: type, monkeypatch: pytest.MonkeyPatch, ticks: int = 20, **arguments: Any) -> Flight:
    flight = flight_of(software, monkeypatch, contact=True, signals=SIGNALS, **arguments)
    flight.fly(ticks)
    return flight


class Reference(FlightSoftware):
    """The reference as somebody's own: held to everything that a stranger is."""


def test_the_reference_flies_the_same_through_the_seam_of_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """No special path: every order and packet of it is what the checks allow, reboots and losses included."""
    sent = []
    ours = Flight(contact=True, signals=SIGNALS)
    ours.plant.inputs["transmitter_on"] = 1.0
    theirs = flight_of(Reference, monkeypatch, contact=True, signals=SIGNALS)
    theirs._sequence = 0  # the allocation is its first message too
    theirs._inbox = []
    theirs.point()
    for flight in (ours, theirs):
        flight.fly(40)
        flight.command("mode.set", mode="SAFE")
        flight.command("housekeeping.create", structure="own.1", interval_s=1.0, parameters="battery_soc,cycle")
        flight.command("housekeeping.enable", structure="own.1")
        flight.fly(20)
        flight.command("computer.reboot")
        flight.fly(40)
        flight.plant.set("battery_soc", 0.1)
        flight.fly(40)
        flight.inject(4, "computer", "crash", point=4)
        flight.command("mode.set", mode="SURVIVAL")
        flight.fly(40)
        out = flight.close()
        assert caught(flight).total == 0, caught(flight)
        told = [_without_version(message.body) for message in [*flight.log, *out.messages]]
        sent.append((told, [box.truth for box in flight.outboxes], flight.plant.inputs.tobytes()))
    assert sent[0][0] == sent[1][0]
    assert sent[0][1:] == sent[1][1:]
    assert len(sent[0][0]) > 50


def _without_version(body: Any) -> dict[str, Any]:
    return {name: value for name, value in body.model_dump().items() if name != "dictionary"}


def test_one_that_says_nothing_flies_and_what_it_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    flight = flown(Plain, monkeypatch)
    truth = dict(zip(SIGNALS, flight.truth(), strict=True))
    unknown = {name for name, value in truth.items() if np.isnan(value)}
    assert unknown == {
        "mode", "payload_shed", "telemetry_generated", "telemetry_on_board", "verifications_generated",
        "housekeeping_generated", "events_generated", "time_reports_generated", "check_reports_generated",
        "parameter_reports_generated",
    }  # fmt: skip
    assert (truth["host_up"], truth["boot_count"], truth["software_faults"]) == (1.0, 1.0, 0.0)
    (account,) = [m.body for m in flight.close().messages]
    assert isinstance(account, Account) and account.rows == ()
    assert not any(name.startswith("software") for name in account.counters)


NONSENSE: dict[str, tuple[Any, str]] = {
    "nothing": (lambda self: None, "cycle"),
    "a word": (lambda self: "orders", "cycle"),
    "too long": (lambda self: ((), (), None, (), 1), "cycle"),
    "frames that are no list": (lambda self: ((), (), None, 7), "frames"),
    "a frame to nobody": (lambda self: ((), (), None, [(0, IslFrame(topic="x"))]), "frame"),
    "orders that are no list": (lambda self: (7, ()), "orders"),
    "an order that is none": (lambda self: (["heat"], ()), "order"),
    "an unknown device": (lambda self: ([Order("reactor", "power", 0, 1.0)], ()), "unknown_order"),
    "an unknown order": (lambda self: ([Order("accelerators", "overclock", 0, 1.0)], ()), "unknown_order"),
    "a device that cannot be named": (lambda self: ([Order([], {}, 0, 1.0)], ()), "unknown_order"),  # type: ignore[arg-type]
    "an element beyond": (lambda self: ([Order("accelerators", "enable", 99, 1.0)], ()), "order_value"),
    "an element before": (lambda self: ([Order("accelerators", "enable", -1, 1.0)], ()), "order_value"),
    "half a state": (lambda self: ([Order("accelerators", "enable", 0, 0.5)], ()), "order_value"),
    "a state too far": (lambda self: ([Order("accelerators", "enable", 0, 3.0)], ()), "order_value"),
    "no number": (lambda self: ([Order("accelerators", "power_cap", 0, float("nan"))], ()), "order_value"),
    "infinity": (lambda self: ([Order("accelerators", "power_cap", 0, float("inf"))], ()), "order_value"),
    "a text": (lambda self: ([Order("accelerators", "power_cap", 0, "much")], ()), "order_value"),  # type: ignore[arg-type]
    "too many orders": (lambda self: ([Order("radio", "transmitter", 0, 1.0)] * 5000, ()), "orders_overflow"),
    "packets that are no list": (lambda self: ((), 7), "packets"),
    "a packet that is none": (lambda self: ((), [b"bytes"]), "packet"),
    "a structure that is not declared": (lambda self: ((), [self.telemetry(0, structure=9)]), "packet"),
    "values too many": (lambda self: ((), [self.telemetry(0, values=(1.0, 2.0))]), "packet"),
    "a packet of a boot to come": (lambda self: ((), [self.telemetry(0, boot=9)]), "packet"),
    "another dictionary": (lambda self: ((), [self.telemetry(0, dictionary=bytes(8))]), "packet"),
    "an event that is not declared": (
        lambda self: ((), [Event(boot=1, stream=5, sequence=0, obt_ns=0, event=9, severity=1, arguments=())]), "packet",
    ),
    "a packet that went past its schema": (
        lambda self: ((), [Telemetry.model_construct(**{**self.telemetry(0).__dict__, "values": (float("nan"),)})]),
        "packet",
    ),
    "too many packets": (lambda self: ((), [self.telemetry(i) for i in range(600)]), "packets_overflow"),
    "a reboot for no reason": (lambda self: ((), (), 99), "reboot"),
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_counted_and_told_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wish, kind = NONSENSE[name]
    flight = flight_of(wishing(wish), monkeypatch, contact=True, signals=("software_faults", "host_up"))
    told: list[str] = []
    flight.node.parts.computer.heard_by(told.append)
    flight.point(rate_bps=1e9)
    flight.fly(10)
    assert caught(flight).refused.get(kind, 0) >= 9, caught(flight)
    assert caught(flight).crashes == 0
    assert flight.truth() == (caught(flight).total, 1.0)
    assert len(told) == len(caught(flight).refused) and "allowed: " in told[0] and "sat-1" in told[0]
    for message in flight.log:
        encode(message)  # whatever has left can be carried
    (account,) = [m.body for m in flight.close().messages]
    assert account.counters[f"software.refused.{kind}"] == caught(flight).refused[kind]


def test_what_makes_sense_beside_nonsense_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Order("accelerators", "power_cap", 0, 250.0), Order("accelerators", "power_cap", 0, -1.0)
    flight = flown(wishing(lambda self: ([bad, good, bad], [b"", self.telemetry(self.steps - 1)])), monkeypatch)
    assert flight.plant.inputs["accelerator_power_cap_w"][0][0] == 250.0
    assert [packet.sequence for packet in flight.bodies(Packet)][:3] == [0, 1, 2]


def test_packets_beyond_the_rate_of_the_link_do_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    flight = flight_of(wishing(lambda self: ((), [self.telemetry(i) for i in range(MAX_PACKETS)])), monkeypatch)
    flight.point(rate_bps=8_000.0)  # 1,000 bytes a tick
    flight.fly(3)
    assert caught(flight).refused == {"rate": 3}
    assert 20 <= len(flight.bodies(Packet)) <= 40


def test_whatever_has_left_was_generated_even_if_nobody_keeps_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    flight = flown(wishing(lambda self: ((), [self.telemetry(self.steps - 1)])), monkeypatch, ticks=20)
    sent = len(flight.bodies(Packet))
    (account,) = [m.body for m in flight.close().messages]
    assert sent >= 19 and account.rows == ((1, 3, 20, 20),)


def test_an_account_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Liar(Plain):
        def account(self, uplink: Any) -> Any:
            return [(1, 3, 5, 9), (7, 3, 1, 0), ("a",) * 4, (1, 5, 2, 0)]

    flight = flown(Liar, monkeypatch)
    (account,) = [m.body for m in flight.close().messages]
    assert account.rows == ((1, 5, 2, 0),) and caught(flight).refused == {"account": 3}


def test_figures_that_make_no_sense_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(Plain):
        def figures(self) -> Any:
            return Figures(mode=17) if self.steps % 2 else "fine"

    flight = flown(Odd, monkeypatch)
    assert caught(flight).refused == {"figures": 20} and np.isnan(flight.truth()[SIGNALS.index("mode")])


def raising(where: str, error: BaseException) -> type[Plain]:
    def fail(*_: Any) -> Any:
        raise error

    return type("Raising", (Plain,), {where: fail})


@pytest.mark.parametrize("error", [ZeroDivisionError("1/0"), SystemExit(3), RecursionError(), MemoryError()], ids=repr)
@pytest.mark.parametrize("where", ["__init__", "boot", "step"])
def test_what_it_raises_is_a_crash_of_the_computer(
    where: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It boots again 5 s later, and again: counted, told three times, and the spacecraft flies on."""
    flight = flight_of(raising(where, error), monkeypatch, signals=("host_up", "boot_count", "software_faults"))
    told: list[str] = []
    flight.node.parts.computer.heard_by(told.append)
    flight.fly(31)
    assert flight.truth() == (0.0, 7.0, 7.0) and caught(flight).crashes == 7
    assert len(told) == 3 and "Traceback" in told[0] and type(error).__name__ in told[0]
    (account,) = [m.body for m in flight.close().messages]
    assert account.counters["software.crashes"] >= 7.0


def test_an_exception_of_the_reference_that_no_fault_asked_for_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    flight = Flight()
    flight.fly(3)
    monkeypatch.setattr(flight.node.software, "recovery", None)
    with pytest.raises(AttributeError):
        flight.fly()


def test_a_twin_goes_on_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    software = wishing(lambda self: (["nonsense"], [self.telemetry(self.steps - 1)]))
    one = flown(software, monkeypatch, ticks=12)
    other = flight_of(software, monkeypatch, contact=False, signals=SIGNALS)
    other.node.restore(one.node.save())
    other.tick, other._inbox, other._sequence = one.tick, list(one._inbox), one._sequence
    ends = []
    for flight in (one, other):
        flight.fly(5)
        ends.append(([m.body for m in flight.log][-5:], flight.truth(), flight.close().messages, flight.node.save()))
    np.testing.assert_equal(ends[0], ends[1])


@pytest.mark.parametrize("member", ["save", "restore"])
def test_a_ram_that_cannot_be_saved_is_a_mistake_of_its_author(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flight = flown(raising(member, ValueError("no such thing")), monkeypatch)
    with pytest.raises(UserError, match=rf"Raising: {member}\(\) failed: ValueError: no such thing"):
        flight.node.restore(flight.node.save())


def test_a_ram_that_is_no_bytes_is_a_mistake_of_its_author(monkeypatch: pytest.MonkeyPatch) -> None:
    flight = flown(type("Wordy", (Plain,), {"save": lambda self: "text"}), monkeypatch)
    with pytest.raises(UserError, match=r"save\(\) failed: it gave 'text'"):
        flight.node.save()


def test_readings_are_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forger(Plain):
        def step(self, obt_ns: int, readings: Sequence[Any], uplink: Any) -> Any:
            for reading in readings:
                reading.values[:] = 1e9
            return Cycle(())

    flight = flown(Forger, monkeypatch)
    assert all((reading.sample().values < 1e9).all() for reading in flight.node.parts.devices)


def test_non_volatile_memory_of_a_stranger_is_bounded_and_survives_a_reboot(monkeypatch: pytest.MonkeyPatch) -> None:
    def wish(self: Plain) -> Any:
        self.nvm.put("mine", str(self.boots).encode())
        return (), (), 2 if self.steps == 3 else None

    flight = flown(wishing(wish), monkeypatch, ticks=12)
    memory = OwnMemory(flight.node.parts.nvm)
    assert memory.get("mine") == b"2" and memory.names("m") == ["mine"]
    for name, record in (("boot", b""), ("", b""), ("x" * 65, b""), ("x", "text"), ("x", bytes(65 * 1024)), (7, b"")):
        with pytest.raises(ValueError, match="record"):
            memory.put(name, record)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="boot"):
        memory.delete("boot")
    for i in range(255):
        memory.put(f"r{i}", bytes(64 * 1024))
    with pytest.raises(ValueError, match="full"):
        for i in range(255, 300):
            memory.put(f"r{i}", bytes(64 * 1024))


def test_host_faults_act_on_any_flight_software(monkeypatch: pytest.MonkeyPatch) -> None:
    flight = flown(Plain, monkeypatch)
    flight.inject(4, "computer", "bitflip", name="a")
    flight.inject(4, "computer", "crash", name="b", point=1)
    flight.inject(4, "computer", "hang", name="c", during=10)
    flight.fly(30)
    assert caught(flight).total == 0 and flight.truth()[SIGNALS.index("boot_count")] == 2.0


# ---- which class it is -------------------------------------------------------------------------------------------

SOURCE = (
    "from tests.node.test_harness import Plain\n"
    "class Mine(Plain):\n    pass\n"
    "class Short:\n    pass\n"
    "class Wrong(Plain):\n    def step(self, obt_ns):\n        return ()\n"
    "class Bound(Plain):\n    def declare(self, equipment, devices):\n        return None\n"
    "NOTHING = 7\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with modules under names of their own, and nothing allowed yet."""
    monkeypatch.setattr(own_software, "_allowed", {})
    monkeypatch.setenv(own_software.VARIABLE, "")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def module(folder: Path, text: str) -> str:
    name = f"own_{abs(hash(str(folder))):x}"
    (folder / f"{name}.py").write_text(text)
    return name


def test_nothing_flies_that_the_command_line_does_not_allow(folder: Path) -> None:
    name = f"{module(folder, 'raise SystemExit(9)')}:Mine"
    with pytest.raises(Refused, match="--flight-software"):
        own_software.find(name, folder)
    own_software.allow(f"{folder}/other:Mine")
    with pytest.raises(Refused, match="--flight-software"):
        own_software.find(name, folder)


@pytest.mark.parametrize("written", ["", "mine", "mine:", ":Mine", "mine:Mine:Mine", "mi-ne:Mine", "..:M"])
def test_an_option_that_is_no_class_is_refused(written: str) -> None:
    with pytest.raises(UserError, match="--flight-software: found"):
        own_software.allow(written)


def test_a_directory_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="allowed: a directory"):
        own_software.allow(f"{folder}/none/mine:Mine")


def test_processes_inherit_what_is_allowed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_software.allow(f"{folder}/mine:Mine")
    own_software.allow("installed.part:Other")
    assert os.environ[own_software.VARIABLE] == f"{folder}/mine:Mine\ninstalled.part:Other"
    monkeypatch.setattr(own_software, "_allowed", {})
    assert own_software.allowed() == {"mine:Mine": str(folder), "installed.part:Other": ""}


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("Mien", r"a class of .*py: .*Mine"),
        ("NOTHING", "which is a int; allowed: a class"),
        ("Short", "without declare, boot, step, figures, account, save, restore"),
        ("Wrong", "whose step cannot be called with 3 arguments"),
        ("Bound", "whose declare cannot be called with 2 arguments"),
    ],
)
def test_what_is_no_flight_software_is_told_with_the_reason(folder: Path, wanted: str, why: str) -> None:
    name = f"{module(folder, SOURCE)}:{wanted}"
    own_software.allow(name)
    with pytest.raises(Refused, match=why):
        own_software.find(name, folder)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import not_there_at_all\n", "import fails at .*:1: ModuleNotFoundError"),
        ("x = 1\nx = 1 / 0\n", "import fails at .*:2: ZeroDivisionError"),
        ("def (:\n", "import fails at .*:1: SyntaxError"),
        ("raise SystemExit\n", "import fails at .*:1: SystemExit"),
    ],
)
def test_a_module_that_does_not_load_is_told_with_its_line(folder: Path, text: str, why: str) -> None:
    name = f"{module(folder, text)}:Mine"
    own_software.allow(name)
    with pytest.raises(Refused, match=why):
        own_software.find(name, folder)


def test_a_module_that_is_nowhere_is_told(folder: Path) -> None:
    own_software.allow("nowhere_at_all.part:Mine")
    with pytest.raises(Refused, match=r"allowed: a module nowhere_at_all.part in .*, or an installed one"):
        own_software.find("nowhere_at_all.part:Mine", folder)


def test_the_digest_covers_a_module_or_all_of_a_package(folder: Path) -> None:
    name = module(folder, SOURCE)
    own_software.allow(f"{folder}/{name}:Mine")
    alone = own_software.find(f"{name}:Mine").source
    (folder / f"{name}.py").write_text(SOURCE + "\n")
    own_software._load.cache_clear()
    assert own_software.find(f"{name}:Mine").source != alone
    package = folder / f"{name}_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text(SOURCE)
    (package / "beside.py").write_text("")
    own_software.allow(f"{folder}/{name}_package.part:Mine")
    whole = own_software.find(f"{name}_package.part:Mine").source
    (package / "beside.py").write_text("x = 1\n")
    own_software._load.cache_clear()
    assert own_software.find(f"{name}_package.part:Mine").source != whole


def test_other_sources_than_those_that_were_flown_do_not_fly(folder: Path) -> None:
    name = f"{module(folder, SOURCE)}:Mine"
    own_software.allow(f"{folder}/{name}")
    good = with_flight_software("pathfinder", name, own_software.find(name).source)
    assert {p.name for p in dictionary(good).parameters} == {"battery_soc"} and dictionary(good).design == good
    with pytest.raises(UserError, match=r"with sources .*; allowed: those that were flown, ffffffff"):
        dictionary(with_flight_software("pathfinder", name, "f" * 32))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parameters": ()}, "structure core of 'battery_soc', no parameter"),
        ({"structures": (CORE, CORE)}, "structures twice: core"),
        ({"structures": (CORE.model_copy(update={"id": 70_000}),)}, "structure core with id 70000"),
        ({"events": (WOKE, WOKE.model_copy(update={"name": "slept"}))}, "event ids twice: 1"),
        ({"events": (WOKE.model_copy(update={"severity": 9}),)}, "severity 9"),
    ],
)
def test_a_dictionary_that_does_not_fit_itself_is_refused(changes: dict[str, Any], why: str) -> None:
    parts = equipment(load_design("pathfinder"))
    words = Plain.declare(parts, ()).model_copy(update=changes)
    software = type("Odd", (Plain,), {"declare": staticmethod(lambda *_: words)})
    with pytest.raises(Refused, match=why):
        own_software.declared("here:Odd", software, parts, device_forms(parts))


def test_declarations_that_differ_raise_or_are_none_are_refused() -> None:
    parts, count = equipment(load_design("pathfinder")), iter(range(9))

    def differing(*_: Any) -> Dictionary:
        return Plain.declare(parts, ()).model_copy(update={"codes": {next(count): "x"}})

    for declare, why in (
        (differing, "differs from call to call"), (lambda *_: 7, "gave a int"), (lambda *_: 1 / 0, "ZeroDivisionError"),
    ):  # fmt: skip
        software = type("Odd", (Plain,), {"declare": staticmethod(declare)})
        with pytest.raises(Refused, match=why):
            own_software.declared("here:Odd", software, parts, device_forms(parts))


def test_bounds_are_above_what_the_reference_does() -> None:
    from node.fsw.services.packet_store import MAX_PACKETS_PER_CYCLE  # noqa: PLC0415

    assert MAX_PACKETS > MAX_PACKETS_PER_CYCLE + 1 and Service.VERIFICATION in (1,)
    limits = config().design.names
    assert sum(len(names) for names in limits.values()) * 4 < MAX_ORDERS
