"""How accelerators are told of to programs made for data centres: the field names of NVIDIA's DCGM, its units, and its
labels `gpu` and `Hostname` (github.com/NVIDIA/dcgm-exporter, etc/default-counters.csv). A group is what it calls a GPU.
"""

from __future__ import annotations

from bus.constants import CELSIUS_ZERO_K

DCGM = {
    "accelerator_temperature_k": ("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C)."),
    "hbm_temperature_k": ("DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C)."),
    "accelerator_power_w": ("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw of the group (in W)."),
    "accelerator_xid": ("DCGM_FI_DEV_XID_ERRORS", "gauge", "Last XID error."),
    "accelerator_ecc_corrected": ("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "counter", "Single-bit memory errors."),
    "accelerator_ecc_uncorrected": ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "counter", "Double-bit memory errors."),
    "accelerator_remapped_rows": (
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Rows remapped for uncorrectable errors.",
    ),
}  # fmt: skip
"""Reading of a group -> (DCGM field, its type, help)."""
CLOCK = "accelerator_clock_fraction"
CLOCK_METRIC = ("skyrack_accelerator_clock_ratio", "Clock, share of the boost clock")
"""DCGM has the clock in MHz, and no design says what its chips' is."""
READINGS = (*DCGM, CLOCK, "accelerator_state", "accelerator_xid_count")
"""What is told of each group of a job, in this order."""


def shown(reading: str, value: float) -> float:
    """A reading in DCGM's unit: temperatures in degrees Celsius."""
    return round(value - CELSIUS_ZERO_K, 3) if reading.endswith("_k") else value
