"""Which devices a design carries and what they measure: the interface that flight software, dictionary and plant share.

Declarations only. A channel's source is a field of the plant's truth; its errors have their source beside them, [A]
marks our assumption (see `docs/physics.md` for the tags).
"""

from __future__ import annotations

from collections.abc import Iterator

from node.devices.device import Channel, DeviceForm, slug
from node.devices.equipment import Equipment

LCL_STATES = ("off", "on", "limiting", "tripped", "retrigger", "undervoltage")
ISL_STATES = ("parked", "coarse", "spiral_acq", "fine", "locked", "lost")
HEATER_STATES = ("off", "on")
RECEIVERS = ("a", "b")
JOB_STATES = ("waiting", "running", "checkpoint", "restart", "done", "paused")
ACCELERATOR_STATES = ("off", "boot", "idle", "run", "throttled", "ecc_pending", "failed", "quarantined")

THERMISTOR_NOISE_K, THERMISTOR_BIAS_K, THERMISTOR_QUANTUM_K = 0.05, 0.15, 0.05
"""Thermistors good to 0.1 ... 0.5 K with 12 bits over about 200 K: 0.05 K a step."""
DIE_QUANTUM_K = 1.0
"""Die sensors as NVML reports them: whole degrees."""


def _each(names: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for index, name in enumerate(names):
        yield index, slug(name)


def _pcdu(equipment: Equipment) -> DeviceForm:
    # Voltage and current telemetry of 12 bits over the range is the custom; noise of half a step [A].
    channels = [
        Channel("main_bus_voltage_v", "V", "float", "Main bus voltage", "main_bus_voltage_v", 0.05, 0.1, 0.1),
        Channel("load_power_w", "W", "float", "Power of all loads", "load_power_w", 1.0, 0.0, 0.5),
        Channel("array_power_w", "W", "float", "Power from the solar array", "array_power_w", 1.0, 0.0, 0.5),
    ]
    channels += [
        Channel(f"string_current_a.{s}", "A", "float", f"Current of array string {s}", f"string_current_a[{i}]",
                0.01, 0.02, 0.01)
        for i, s in _each(equipment.strings)
    ]  # fmt: skip
    for i, s in _each(equipment.lcls):
        channels += [
            Channel(f"lcl_state.{s}", "", "enum", f"State of limiter {s}", f"lcl_state[{i}]", labels=LCL_STATES),
            Channel(f"lcl_current_a.{s}", "A", "float", f"Current through limiter {s}", f"lcl_current_a[{i}]",
                    0.01, 0.0, 0.01),
            Channel(f"lcl_trip_count.{s}", "", "int", f"Trips of current limiter {s}", f"lcl_trip_count[{i}]"),
        ]  # fmt: skip
    return DeviceForm("pcdu", tuple(channels), (("lcl", "lcl_command"),))


def _battery_monitor(equipment: Equipment) -> DeviceForm:
    # Coulomb counters drift by about half a percent between full charges [A].
    channels = [
        Channel("battery_soc", "1", "float", "State of charge, whole battery", "battery_soc", 0.0005, 0.003, 0.0005,
                soft_low=0.3, hard_low=0.2),
        Channel("battery_voltage_v", "V", "float", "Battery voltage", "battery_voltage_v", 0.02, 0.05, 0.02),
        Channel("battery_current_a", "A", "float", "Battery current, positive when discharging", "battery_current_a",
                0.05, 0.05, 0.05),
    ]  # fmt: skip
    channels += [
        Channel(f"battery_group_soc.{s}", "1", "float", f"State of charge of battery group {s}",
                f"battery_group_soc[{i}]", 0.0005, 0.003, 0.0005)
        for i, s in _each(equipment.battery_groups)
    ]  # fmt: skip
    channels += [  # a shunt each, as that of the whole battery
        Channel(f"battery_group_current_a.{s}", "A", "float", f"Current of battery group {s}, out of it",
                f"battery_group_current_a[{i}]", 0.05, 0.05, 0.05)
        for i, s in _each(equipment.battery_groups)
    ]  # fmt: skip
    return DeviceForm("battery-monitor", tuple(channels), (("group", "battery_group_open"),))


def _thermistor(name: str, text: str, source: str) -> Channel:
    return Channel(name, "K", "float", text, source, THERMISTOR_NOISE_K, THERMISTOR_BIAS_K, THERMISTOR_QUANTUM_K)


def _thermal_controller(equipment: Equipment) -> DeviceForm:
    channels = [
        _thermistor(f"thermal_temperature_k.{s}", f"Temperature of {s}", f"thermal_temperature_k[{i}]")
        for i, s in _each(equipment.thermal_nodes)
    ]
    channels += [
        Channel(f"heater_state.{s}", "", "enum", f"State of heater {s}", f"heater_state[{i}]", labels=HEATER_STATES)
        for i, s in _each(equipment.heaters)
    ]
    channels += [
        _thermistor("coolant_supply_temperature_k", "Coolant into the cold plates", "coolant_supply_temperature_k"),
        _thermistor("coolant_return_temperature_k", "Coolant out of the cold plates", "coolant_return_temperature_k"),
        Channel("pump_speed_fraction", "1", "float", "Speed of the coolant pump", "pump_speed_fraction",
                0.001, 0.0, 0.001),
        # Turbine meters and the stroke of a bellows are good to a percent and better [A].
        Channel("coolant_flow_kg_s", "kg/s", "float", "Flow of the coolant", "coolant_flow_kg_s", 0.002, 0.0, 0.001),
        Channel("accumulator_fraction", "1", "float", "How full the coolant's accumulator is", "accumulator_fraction",
                0.0005, 0.0, 0.0005),
    ]  # fmt: skip
    orders = (
        ("heater", "heater_command"),
        ("pump_speed", "pump_speed_command_fraction"),
        ("pump_select", "pump_select"),
        ("valve", "valve_command_fraction"),
    )
    return DeviceForm("thermal-controller", tuple(channels), orders)


def _gnss() -> DeviceForm:
    # A single-frequency spaceborne receiver: metres, and centimetres per second [T].
    channels = [
        Channel(f"gnss_position_teme_m.{axis}", "m", "float", f"Measured position, TEME {axis}",
                f"position_teme_m[{i}]", 3.0, 2.0, 0.01)
        for i, axis in enumerate("xyz")
    ] + [
        Channel(f"gnss_velocity_teme_m_s.{axis}", "m/s", "float", f"Measured velocity, TEME {axis}",
                f"velocity_teme_m_s[{i}]", 0.03, 0.0, 0.001)
        for i, axis in enumerate("xyz")
    ]  # fmt: skip
    return DeviceForm("gnss", tuple(channels))


def _attitude() -> DeviceForm:
    # Star tracker of about 10 arcsec, gyro of 1e-5 rad/s, both ideal apart from noise and quantisation [A].
    channels = [
        Channel("sun_error_rad", "rad", "float", "Angle between the sun and the axis that should face it",
                "sun_error_rad", 5e-5, 0.0, 1e-5),
        Channel("pointing_error_rad", "rad", "float", "Angle to the attitude that the unit was told to hold",
                "pointing_error_rad", 5e-5, 0.0, 1e-5),
        Channel("sun_intensity", "1", "float", "Coarse sun sensors: light over full sunlight",
                "illumination_fraction", 0.01, 0.0, 0.001),  # a few per cent of albedo are left out [A]
    ]  # fmt: skip
    channels += [
        Channel(f"body_rate_rad_s.{axis}", "rad/s", "float", f"Measured body rate about {axis}",
                f"body_rate_rad_s[{i}]", 1e-5, 0.0, 1e-6)
        for i, axis in enumerate("xyz")
    ]  # fmt: skip
    channels += [
        Channel(f"wheel_momentum_n_m_s.{i}", "N.m.s", "float", f"Momentum of wheel {i}", f"wheel_momentum_n_m_s[{i}]",
                1e-3, 0.0, 1e-3)
        for i in range(4)
    ]  # fmt: skip
    orders = (
        ("mode", "attitude_mode"),
        ("control", "attitude_control"),
        ("unload", "momentum_unload"),
        ("wheel", "wheel_enable"),
        ("array_angle", "array_angle_command_rad"),
    )
    return DeviceForm("attitude", tuple(channels), orders)


def _accelerators(equipment: Equipment) -> DeviceForm:
    channels: list[Channel] = [
        Channel("payload_power_w", "W", "float", "Power of all accelerators", "payload_power_w", 1.0, 0.0, 1.0),
    ]
    for i, s in _each(equipment.accelerator_groups):
        channels += [
            Channel(f"accelerator_state.{s}", "", "enum", f"State of accelerator group {s}",
                    f"accelerator_state[{i}]", labels=ACCELERATOR_STATES),
            Channel(f"accelerator_power_w.{s}", "W", "float", f"Power of group {s}", f"accelerator_power_w[{i}]",
                    1.0, 0.0, 1.0),
            Channel(f"accelerator_temperature_k.{s}", "K", "float", f"Die temperature of group {s}",
                    f"accelerator_temperature_k[{i}]", 0.2, 0.0, DIE_QUANTUM_K, soft_high=360.15, hard_high=365.15),
            Channel(f"hbm_temperature_k.{s}", "K", "float", f"Memory temperature of group {s}",
                    f"hbm_temperature_k[{i}]", 0.2, 0.0, DIE_QUANTUM_K, hard_high=368.15),
            Channel(f"accelerator_rate.{s}", "", "float", f"Work rate of group {s}, in accelerators at full clock",
                    f"accelerator_rate[{i}]", 0.0, 0.0, 0.001),
            Channel(f"accelerator_clock_fraction.{s}", "1", "float", f"Clock of group {s}, share of its boost clock",
                    f"accelerator_clock_fraction[{i}]", 0.0, 0.0, 0.001),
            Channel(f"accelerator_ecc_corrected.{s}", "", "int", f"Corrected memory errors of group {s}",
                    f"accelerator_ecc_corrected[{i}]"),
            Channel(f"accelerator_ecc_uncorrected.{s}", "", "int", f"Uncorrected memory errors of group {s}",
                    f"accelerator_ecc_uncorrected[{i}]"),
            Channel(f"accelerator_remapped_rows.{s}", "", "int", f"Memory rows remapped in group {s}",
                    f"accelerator_remapped_rows[{i}]"),
            Channel(f"accelerator_xid.{s}", "", "int", f"Last XID error of group {s}", f"accelerator_xid[{i}]"),
            Channel(f"accelerator_xid_count.{s}", "", "int", f"XID errors of group {s}",
                    f"accelerator_xid_count[{i}]"),
        ]  # fmt: skip
    orders = (("enable", "accelerator_enable"), ("power_cap", "accelerator_power_cap_w"))
    return DeviceForm("accelerators", tuple(channels), orders)


GUEST_ORDERS = tuple(
    (name, name)
    for name in (
        "guest_kind", "guest_chips", "guest_length_s", "guest_saved_s", "guest_interval_s", "guest_checkpoint_s",
        "guest_restart_s", "guest_detect_s", "guest_efficiency", "guest_number", "give_slot", "give_number",
    )
)  # fmt: skip
SELECTED_JOB = [
    Channel("selected_job", "", "int", "Slot of the job that the job manager tells all about, -1: none"),
    Channel("selected_job_kind", "", "int", "Its kind, 0: the slot is empty"),
    Channel("selected_job_chips", "", "int", "Accelerators that it needs"),
    Channel("selected_job_length_s", "s", "float", "Its useful work in all, 0: endless"),
    Channel("selected_job_saved_s", "s", "float", "Its useful work that the last checkpoint holds"),
    Channel("selected_job_interval_s", "s", "float", "Its useful work between two checkpoints, 0: it takes none"),
    Channel("selected_job_checkpoint_s", "s", "float", "What a checkpoint of it takes"),
    Channel("selected_job_restart_s", "s", "float", "From having its accelerators to the first useful second"),
    Channel("selected_job_detect_s", "s", "float", "Mean time until a silent error in it is found, 0: never"),
    Channel("selected_job_efficiency", "1", "float", "Share of its time that computes"),
    Channel("selected_job_work_s", "s", "float", "Its useful work"),
    Channel("selected_job_state", "", "enum", "Its state", labels=JOB_STATES),
    Channel("selected_job_groups", "", "int", "Accelerator groups that it has chips of, a bit each"),
    Channel("guest_slots_free", "", "int", "Slots that jobs of a peer can have, while a job is selected"),
    Channel("guest_chips_free", "", "int", "Accelerators that they can have, likewise"),
    Channel("guests_taken", "", "int", "Number of the last job of a peer that has a slot, likewise"),
    Channel("jobs_given", "", "int", "Number of the last job that left its slot for a peer, likewise"),
]
"""The hosts' job manager counts: nothing is measured. What it tells of one job is all that a peer must know of it."""


def _jobs(equipment: Equipment) -> DeviceForm:
    # The hosts' job manager counts: nothing is measured here.
    channels: list[Channel] = [
        Channel("job_progress_s", "s", "float", "Useful work of all jobs", "job_progress_s", 0.0, 0.0, 1.0),
        Channel("job_lost_total_s", "s", "float", "Work of all jobs that was done and lost again", "job_lost_total_s",
                0.0, 0.0, 1.0),
        Channel("job_queue_length", "", "int", "Jobs that wait for free accelerators", "job_queue_length"),
        Channel("jobs_active", "", "int", "Jobs that run, start or write a checkpoint", "jobs_active"),
        Channel("jobs_done", "", "int", "Jobs completed", "jobs_done"),
        Channel("jobs_dropped", "", "int", "Jobs refused because the queue was full", "jobs_dropped"),
    ]  # fmt: skip
    for i in range(equipment.jobs_watched):
        channels += [
            Channel(f"job_state.{i}", "", "enum", f"State of job {i}", f"job_state[{i}]", labels=JOB_STATES),
            Channel(f"job_work_s.{i}", "s", "float", f"Useful work of job {i}", f"job_work_s[{i}]", 0.0, 0.0, 1.0),
            Channel(f"job_saved_s.{i}", "s", "float", f"Work of job {i} that its last checkpoint holds",
                    f"job_saved_s[{i}]", 0.0, 0.0, 1.0),
            Channel(f"job_p99_s.{i}", "s", "float", f"99th percentile of the latency of service {i}",
                    f"job_p99_s[{i}]", 0.0, 0.0, 1e-3),
        ]  # fmt: skip
    orders: tuple[tuple[str, str], ...] = (
        ("job", "job_command"),
        ("rollback", "job_rollback"),
        ("refuse", "job_refused"),
    )
    if equipment.isl_heads:  # only where a job could move
        channels += SELECTED_JOB
        orders += GUEST_ORDERS
    return DeviceForm("jobs", tuple(channels), orders)


def _isl(equipment: Equipment) -> DeviceForm:
    channels: list[Channel] = []
    for i, s in _each(equipment.isl_heads):
        channels += [
            Channel(f"isl_state.{s}", "", "enum", f"State of terminal {s}", f"isl_state[{i}]", labels=ISL_STATES),
            Channel(f"isl_rate_bps.{s}", "bit/s", "float", f"Rate of terminal {s}", f"isl_rate_bps[{i}]",
                    0.0, 0.0, 1e3),
            Channel(f"isl_range_m.{s}", "m", "float", f"Range that terminal {s} measures", f"isl_range_m[{i}]",
                    0.1, 0.0, 0.1),
            # The tracking sensor tells the light that it gets to some per cent [A].
            Channel(f"isl_margin_db.{s}", "dB", "float", f"Light at terminal {s} over what its full rate needs",
                    f"isl_margin_db[{i}]", 0.1, 0.0, 0.1),
        ]  # fmt: skip
    # The terminals' own counters: nothing is measured here.
    channels += [
        Channel("isl_frames_sent", "", "int", "Frames that left for a peer"),
        Channel("isl_frames_received", "", "int", "Frames that came from a peer"),
        Channel("isl_frames_lost", "", "int", "Frames lost: the link broke, or did not stand where they arrived"),
        Channel("isl_frames_refused", "", "int", "Frames that no head took: no link, or no room"),
        Channel("isl_frames_queued", "", "int", "Frames that wait at a head or are on their way"),
        Channel("isl_bytes_sent", "B", "int", "What all frames took of the links, their volume included"),
    ]
    return DeviceForm("isl", tuple(channels), (("head", "isl_command"),))


def _dosimeter() -> DeviceForm:
    # A RADFET read out every ten seconds; 12 bits over a mission dose of 1 kGy would be 0.2 Gy, so
    # the rate comes from a particle counter [A].
    channels = (
        Channel("dose_rate_gy_s", "Gy/s", "float", "Dose rate in silicon", "dose_rate_gy_s", 0.0, 0.0, 1e-12),
        Channel("dose_gy", "Gy", "float", "Dose since the start", "dose_gy", 0.0, 0.0, 1e-9),
    )
    return DeviceForm("dosimeter", channels, period_s=10.0, stale_after_s=30.0)


def _radio() -> DeviceForm:
    channels = (
        Channel("radio_contact", "", "bool", "A ground antenna points here and is in sight"),
        Channel("radio_downlink_budget_bytes", "B", "float", "What the downlink carries in this cycle"),
        Channel("radio_uplink_received", "", "int", "Messages received from the ground"),
        Channel("radio_uplink_dropped", "", "int", "Messages from the ground that the radio could not receive"),
        Channel("radio_downlink_sent", "", "int", "Messages sent to the ground"),
        Channel("radio_downlink_dropped", "", "int", "Messages lost in the radio's own queues"),
        Channel("radio_receiver", "", "enum", "Receiver that is on; the other one is cold", labels=RECEIVERS),
        Channel("radio_uplink_cn0_dbhz", "dBHz", "float", "Ground's carrier over the noise; 0 out of contact"),
    )
    return DeviceForm("radio", channels, (("transmitter", "transmitter_on"),))


CLOCK_NAME = "clock"


def device_forms(equipment: Equipment) -> tuple[DeviceForm, ...]:
    """The devices of a design, in the order in which they are sampled. The clock comes first."""
    return (
        DeviceForm(CLOCK_NAME, (Channel("obt_s", "s", "float", "On-board time since the scenario's epoch"),)),
        _pcdu(equipment),
        _battery_monitor(equipment),
        _thermal_controller(equipment),
        _gnss(),
        _attitude(),
        _accelerators(equipment),
        _jobs(equipment),
        *((_isl(equipment),) if equipment.isl_heads else ()),
        _dosimeter(),
        _radio(),
    )
