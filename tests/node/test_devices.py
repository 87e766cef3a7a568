from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.draws import bits
from bus.snapshot.pack import pack, unpack
from node.assembly import equipment
from node.designs.load import SHIPPED, load_design
from node.devices.clock import DRIFT_PPB, Clock
from node.devices.definitions import device_forms
from node.devices.device import Channel, DeviceForm, Order, Reading
from node.devices.order_limits import OrderLimit
from node.devices.remote import LATENCY_TICKS, MAX_ORDERS, Loads, RemoteDevice
from node.devices.sensors import BLOCK_TICKS, Sensors, normal, words
from node.devices.simulated import SimulatedDevice
from node.injection import faulty_device as faulty
from node.injection.faulty_device import DeviceFault, FaultState, FaultyDevice
from node.truth import Gather
from tests.kits.fake_spacecraft import FakePlant

U64 = st.integers(0, 2**64 - 1)


@given(seed=U64, stream=U64, spacecraft=U64, step=st.integers(0, 2**40), lane=U64)
@settings(max_examples=200)
def test_hash_of_arrays_is_the_hash_of_draws(seed: int, stream: int, spacecraft: int, step: int, lane: int) -> None:
    got = words(seed, stream, spacecraft, np.array([step], dtype=np.uint64), np.array([lane], dtype=np.uint64))
    assert int(got[0, 0]) == bits(seed, stream, spacecraft, step, lane)


def test_noise_has_the_moments_of_a_sum_of_four_uniforms() -> None:
    steps = np.arange(2000, dtype=np.uint64)
    lanes = np.arange(100, dtype=np.uint64)
    draws = normal(words(1, 2, 3, steps, lanes)).ravel()
    n = draws.size
    assert abs(draws.mean()) < 5 / math.sqrt(n)
    assert abs(draws.var() - 1.0) < 5 * math.sqrt(1.7 / n)  # Irwin-Hall of order 4: kurtosis 2.7
    assert abs((draws**4).mean() - 2.7) < 0.03
    assert np.abs(draws).max() <= 4 * 32767.5 * math.sqrt(3) / 65536


def _sensors(
    noise: float = 0.0, bias: float = 0.0, quantum: float = 0.0, spacecraft: str = "sat-1", seed: int = 1
) -> Sensors:
    channel = Channel("battery_soc", "1", "float", "", "battery_soc", noise, bias, quantum)
    return Sensors(FakePlant(), (channel,), seed, spacecraft)


def test_a_perfect_sensor_shows_the_truth() -> None:
    assert _sensors().sample(5)[0] == 0.9


def test_readings_come_in_steps_of_the_quantum() -> None:
    sensors = _sensors(noise=0.01, quantum=0.004)
    for tick in range(200):
        steps = sensors.sample(tick)[0] / 0.004
        assert steps == pytest.approx(round(steps), abs=1e-9)


def test_bias_stays_for_life_and_differs_between_spacecraft() -> None:
    offsets = {_sensors(bias=0.01, spacecraft=f"sat-{i}").sample(tick)[0] for i in range(5) for tick in (0, 77)}
    assert len(offsets) == 5


def test_noise_depends_on_the_tick_alone_not_on_what_was_sampled_before() -> None:
    forward, jumping = _sensors(noise=0.01), _sensors(noise=0.01)
    series = [float(forward.sample(tick)[0]) for tick in range(3 * BLOCK_TICKS)]
    for tick in (80, 3, 40, 31, 32, 0):
        assert float(jumping.sample(tick)[0]) == series[tick]
    assert len(set(series)) == len(series)
    other = _sensors(noise=0.01, seed=2)
    assert [float(other.sample(t)[0]) for t in range(4)] != series[:4]


def test_gather_reads_fields_of_both_widths_in_order() -> None:
    plant = FakePlant()
    plant.set("lcl_state[2]", 3)
    plant.set("string_current_a[1]", 4.5)
    gather = Gather(plant, ["lcl_state[2]", "battery_soc", "string_current_a[1]"])
    assert gather().tolist() == [3.0, 0.9, 4.5]
    plant.set("battery_soc", 0.1)
    assert gather().tolist() == [3.0, 0.1, 4.5]


def test_gather_refuses_a_name_there_is_not() -> None:
    with pytest.raises(KeyError, match="no 'nonsense'"):
        Gather(FakePlant(), ["nonsense"])


def _form(**arguments: float) -> DeviceForm:
    return DeviceForm("box", (Channel("a", "", "float", ""), Channel("b", "", "float", "")), **arguments)


def test_a_slow_device_holds_its_reading_and_lets_it_age() -> None:
    measured = np.array([1.0, 2.0])
    device = SimulatedDevice(_form(period_s=3.0), measured, {}, 1.0)
    ages, values = [], []
    for tick in range(7):
        measured[:] = tick
        reading = device.sample()
        ages.append(reading.age_ticks)
        values.append(float(reading.values[0]))
    assert ages == [0, 1, 2, 0, 1, 2, 0]
    assert values == [0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 6.0]


def test_orders_become_inputs_and_unknown_ones_are_counted() -> None:
    target = np.zeros(2)
    device = SimulatedDevice(_form(), np.zeros(2), {"heater": target}, 1.0)
    device.command(Order("box", "heater", 1, 2.0))
    device.command(Order("box", "heater", 2, 2.0))
    device.command(Order("box", "steer", 0, 2.0))
    assert target.tolist() == [0.0, 2.0]
    assert device.state.refused_orders == 2


def test_the_clock_drifts_within_its_class_and_jumps() -> None:
    drifts = set()
    for i in range(20):
        clock = Clock(_form(), 1, f"sat-{i}")
        clock.advance(10**15)
        drifts.add(clock.obt_ns - 10**15)
        assert abs(clock.obt_ns - 10**15) <= DRIFT_PPB * 10**6
    assert len(drifts) > 10
    clock = Clock(_form(), 1, "sat-1")
    clock.advance(0)
    clock.jump(-7)
    clock.advance(0)
    assert clock.obt_ns == -7


def _mailbox() -> tuple[RemoteDevice, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A device outside that has two channels and can be ordered to x; its input of the plant, and the loads' factor."""
    form = DeviceForm(
        "box",
        (Channel("a", "", "float", "Of truth", "a"), Channel("b", "", "float", "Its own")),
        (("x", "x_command"),),
    )
    x, factor = np.zeros(2, dtype=np.int32), np.ones(1)
    loads = Loads([factor], np.array([8.0]))
    device = RemoteDevice(form, np.array([5.0]), {"x": x}, {"x": OrderLimit(2, 0.0, 1.0, whole=True)}, loads)
    return device, x, factor


def test_a_mailbox_says_what_is_emulated_until_a_reading_can_be_there_then_ages() -> None:
    device, _, _ = _mailbox()
    assert [device.sample().values.tolist() for _ in range(LATENCY_TICKS)] == [[5.0, 0.0]] * 2
    device.deliver([1.0, 2.0], age_ticks=2)
    reading = device.sample()
    assert (reading.values.tolist(), reading.age_ticks) == ([1.0, 2.0], 0)
    assert [device.sample().age_ticks for _ in range(3)] == [1, 2, 3]
    device.deliver([1.0], age_ticks=2)
    device.deliver([8.0, 9.0], age_ticks=6)  # the same again, or older
    device.deliver([8.0, 9.0], age_ticks=-1)  # of a tick that is yet to come
    reading = device.sample()
    assert (reading.values.tolist(), reading.age_ticks, device.state.refused_readings) == ([1.0, 2.0], 4, 3)


def test_nobody_ever_there_is_stale_once_a_good_device_would_have_spoken() -> None:
    device, _, _ = _mailbox()
    assert [device.sample().age_ticks for _ in range(8)] == [0, 0, 1, 2, 3, 4, 5, 6]


def test_what_a_device_drives_or_draws_becomes_input_of_the_plant_and_nonsense_is_counted() -> None:
    device, x, factor = _mailbox()
    device.measured("x", 1, 1.0)
    device.measured("load_w", 0, 12.0)
    assert (x.tolist(), factor.tolist()) == ([0, 1], [1.5])
    for what, element, value in (("x", 2, 1.0), ("x", 0, 0.5), ("x", 0, 7.0), ("y", 0, 1.0), ("load_w", 1, 1.0),
                                 ("load_w", 0, -1.0), ("load_w", 0, 1e9)):  # fmt: skip
        device.measured(what, element, value)
    assert (x.tolist(), factor.tolist(), device.state.refused_measured) == ([0, 1], [1.5], 7)


def test_a_mailbox_keeps_a_bounded_number_of_orders() -> None:
    device, _, _ = _mailbox()
    for i in range(MAX_ORDERS + 3):
        device.command(Order("box", "x", i, 0.0))
    assert device.state.dropped_orders == 3
    twin, _, _ = _mailbox()
    twin.restore(device.save())
    assert twin.take_orders() == device.take_orders() and len(twin.take_orders()) == 0


class _Counter:
    """A device that counts: its readings are 0, 1, 2, ..."""

    name = "box"

    def __init__(self) -> None:
        self.n = -1
        self.side = 0
        self.orders: list[Order] = []

    def sample(self) -> Reading:
        self.n += 1
        return Reading(np.array([float(self.n), 100.0]))

    def command(self, order: Order) -> None:
        self.orders.append(order)
        if order.what == "side":
            self.side = int(order.value)

    def state(self) -> object:
        return None

    def load(self, state: object) -> None: ...


def _faulty(primitive: str, channels: tuple[int, ...] = (0,), **parameters: float) -> FaultyDevice:
    device = FaultyDevice(_Counter(), 1, "sat-1", 1.0)
    device.faults.append(DeviceFault("f", primitive, parameters, channels))
    return device


def _series(device: FaultyDevice, n: int = 6) -> list[float]:
    out = []
    for tick in range(n):
        device.tick = tick
        out.append(float(device.sample().values[0]))
    return out


def test_each_device_fault_does_what_it_says() -> None:
    assert _series(_faulty("stuck", value=7.0)) == [7.0] * 6
    assert _series(_faulty("stuck")) == [0.0] * 6
    assert _series(_faulty("bias", value=0.5)) == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert _series(_faulty("drift", rate_per_s=10.0)) == [0.0, 11.0, 22.0, 33.0, 44.0, 55.0]
    assert _series(_faulty("lag", ticks=2)) == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]
    noisy = _series(_faulty("noise", sigma=0.1))
    assert all(0 < abs(value - i) < 0.35 for i, value in enumerate(noisy))
    assert all(device.sample().values[1] == 100.0 for device in (_faulty("stuck", value=7.0), _faulty("bias", value=1)))


def test_a_drop_out_holds_the_reading_and_lets_it_age() -> None:
    device = _faulty("dropout", (0, 1))
    ages = []
    for tick in range(4):
        device.tick = tick
        ages.append(device.sample().age_ticks)
    assert ages == [1, 2, 3, 4]
    half = _faulty("dropout", (0, 1), probability=0.5)
    seen = []
    for tick in range(400):
        half.tick = tick
        seen.append(half.sample().age_ticks == 0)
    assert 150 < sum(seen) < 250


def test_a_hung_device_is_silent_until_it_is_started_again() -> None:
    for order in (Order("box", "reset", 0, 1.0), Order("box", "side", 0, 1.0)):
        device = _faulty("hung", (0, 1))
        assert [device.sample().age_ticks for _ in range(3)] == [1, 2, 3]
        device.command(Order("box", "x", 0, 1.0))
        assert device.sample().age_ticks == 4
        device.command(order)
        assert device.sample().age_ticks == 0


def test_the_other_side_of_a_device_helps_where_a_reset_does_not() -> None:
    device = _faulty("side_dead", (0, 1))
    device.sample()
    for order, ages in ((Order("box", "reset", 0, 1.0), [2, 3]), (Order("box", "side", 0, 1.0), [0, 0]),
                        (Order("box", "side", 0, 0.0), [1, 2])):  # fmt: skip
        device.command(order)
        assert [device.sample().age_ticks for _ in range(2)] == ages


def test_a_device_that_is_started_again_is_silent_for_some_seconds() -> None:
    measured, orders = np.array([1.0, 2.0]), {"x": np.zeros(1)}
    device = SimulatedDevice(_form(), measured, orders, 1.0)
    device.command(Order("box", "x", 0, 5.0))
    device.command(Order("box", "side", 0, 1.0))
    measured[0] = 7.0
    saved = device.save()
    seen = [(reading.age_ticks, float(reading.values[0])) for reading in (device.sample() for _ in range(4))]
    assert seen == [(1, 1.0), (2, 1.0), (3, 1.0), (0, 7.0)]
    assert (device.side, orders["x"][0], device.state.refused_orders) == (1, 5.0, 0)
    twin = SimulatedDevice(_form(), measured, orders, 1.0)
    twin.restore(saved)
    assert [twin.sample().age_ticks for _ in range(4)] == [1, 2, 3, 0]


def test_a_deaf_device_takes_no_orders() -> None:
    device = _faulty("deaf")
    device.command(Order("box", "x", 0, 1.0))
    assert isinstance(device.inner, _Counter) and device.inner.orders == []


@pytest.mark.parametrize("primitive", sorted(faulty.PRIMITIVES))
def test_a_device_fault_goes_on_after_restoring(primitive: str) -> None:
    device, twin = _faulty(primitive, ticks=3), _faulty(primitive, ticks=3)
    if primitive != "lag":
        device, twin = _faulty(primitive), _faulty(primitive)
    _series(device, 4)
    _series(twin, 2)
    twin.inner.n = 3  # type: ignore[attr-defined]
    twin.faults[0].state = unpack(FaultState, pack(device.faults[0].state))
    assert _series(device) == _series(twin)


@pytest.mark.parametrize("design", SHIPPED)
def test_every_channel_and_order_of_every_design_has_its_place_in_the_plant(design: str) -> None:
    from node.plant.names import resolve  # noqa: PLC0415 (numba comes with the plant's package)
    from node.plant.state import layout  # noqa: PLC0415

    form = load_design(design)
    plant = layout(form.capacity.name)
    for device in device_forms(equipment(form)):
        for channel in device.channels:
            if channel.source:
                resolve(plant.state, form.names, channel.source)
        for _, name in device.orders:
            assert name in (plant.order.names or ())
