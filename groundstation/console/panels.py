"""Which telemetry stands in which panel of a spacecraft, by the names that flight software gives it."""

from __future__ import annotations

PANELS: dict[str, tuple[str, ...]] = {
    "power": (
        "battery_", "main_bus_", "array_", "load_", "string_", "lcl_", "charge_zone", "filling", "power_limit_w",
        "shadow_", "in_shadow", "limiters_",
    ),
    "thermal": ("thermal_", "heater_", "coolant_", "pump_", "hot_groups"),
    "radiation": ("dose_",),
    "memory": ("memory_", "computer_image", "boot_count"),
    "compute": ("accelerator_", "hbm_", "job", "payload_", "groups_shed", "checkpoints_", "levels_"),
    "link": ("radio_", "store_", "telecommand", "uplink_", "isl_", "command_", "receiver_", "link_", "downlink_"),
    "attitude": ("attitude_", "sun_error", "pointing_", "body_", "wheel", "gnss_"),
    "schedule": ("schedule_", "procedures_", "monitors_", "functional_", "fdir_", "actions_", "event_action"),
    "computer": ("mode", "boot", "computer_", "watchdog_", "cycle", "clock_", "stale_", "device_", "safe_", "time_"),
}  # fmt: skip
"""By panel, how the names in it begin; the first panel that fits. What fits none is under "other"."""
SHORT: dict[str, tuple[str, ...]] = {
    "power": (
        "battery_soc", "array_power_w", "load_power_w", "main_bus_voltage_v", "charge_zone", "in_shadow",
        "shadow_next_s",
    ),
    "thermal": (
        "coolant_supply_temperature_k", "coolant_return_temperature_k", "pump_speed_fraction", "thermal_limit_w",
    ),
    "radiation": ("dose_rate_gy_s", "dose_gy"),
    "memory": ("memory_edac", "memory_corrected", "memory_uncorrected", "computer_image", "boot_count"),
    "compute": ("payload_power_w", "payload_regime", "jobs_active", "job_queue_length", "jobs_done", "groups_shed"),
    "link": ("radio_contact", "store_packets", "telecommands_completed", "telecommands_failed", "command_silence_s"),
    "attitude": ("attitude_mode", "attitude_phase", "pointing_error_rad", "sun_error_rad", "wheels_in_use"),
    "schedule": (
        "schedule_enabled", "schedule_entries", "procedures_active", "monitors_violated", "monitors_masked",
        "fdir_escalations",
    ),
    "computer": ("mode", "mode_cause", "boot_count", "boot_reason", "computer_image", "stale_devices"),
}  # fmt: skip
"""What the overview shows of each; a value that its design does not have is left out."""


def panel_of(name: str) -> str:
    """The panel of a parameter."""
    return next((panel for panel, begins in PANELS.items() if name.startswith(begins)), "other")
