"""Makes node/plant/radiation/data/trapped_protons.npz from AP8. `make.sh` runs it in an environment with `aep8`.

AP8-MIN is evaluated in the field of 1964.5 and AP8-MAX in that of 1970, as the model demands (IRBEM sets the field
of the model itself; the time given matters little). Takes about two minutes.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "node" / "plant" / "radiation" / "data"
ALTITUDE_KM = (250, 300, 350, 400, 450, 500, 550, 600, 650, 700, 800, 900, 1000, 1150, 1300, 1450, 1600, 1800, 2000)
LONGITUDE_STEP_DEG = 4
LATITUDE_STEP_DEG = 2
STEP = 0.005  # of the square root of the flux: 73,500 /cm2/s fits into 16 bits
ENERGIES_MEV = (10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0, 200.0, 300.0)
EPOCHS = {"minimum": ("min", "1964-07-01", 1964.5), "maximum": ("max", "1970-01-01", 1970.0)}


def fluxes(solar: str, epoch: str) -> np.ndarray:
    """Integral flux (cm-2 s-1) on the grid: altitude x latitude x longitude x energy."""
    import aep8  # noqa: PLC0415
    from astropy import units  # noqa: PLC0415
    from astropy.coordinates import EarthLocation  # noqa: PLC0415
    from astropy.time import Time  # noqa: PLC0415

    longitude = np.arange(-180.0, 180.0, LONGITUDE_STEP_DEG)
    latitude = np.arange(-90.0, 90.1, LATITUDE_STEP_DEG)
    up, north, east = np.meshgrid(np.array(ALTITUDE_KM, dtype=float), latitude, longitude, indexing="ij")
    place = EarthLocation.from_geodetic(east * units.deg, north * units.deg, up * units.km)
    model = aep8.model("p", solar)
    shell, ratio = model.geomagnetic_coordinates(place, Time(epoch))
    flux = model.integral_flux_for_geomagnetic_coordinates(
        shell[..., None], ratio[..., None], np.array(ENERGIES_MEV) * units.MeV
    )
    return np.nan_to_num(flux.value, nan=0.0, posinf=0.0, neginf=0.0)


def main() -> int:
    """Write the table and its provenance."""
    import aep8  # noqa: PLC0415

    warnings.simplefilter("ignore")
    steps = {}
    for name, (solar, epoch, _) in EPOCHS.items():
        codes = np.rint(np.sqrt(fluxes(solar, epoch)) / STEP).astype(np.uint16)
        steps[name] = np.diff(codes, axis=2, prepend=np.uint16(0)).astype(np.uint16)
    DATA.mkdir(exist_ok=True)
    np.savez_compressed(DATA / "trapped_protons.npz", **steps)
    facts = {
        "what": "trapped protons, omnidirectional integral flux in cm-2 s-1 above each energy",
        "model": "AP8-MIN and AP8-MAX (Sawyer and Vette 1976, NSSDC/WDC-A-R&S 76-06)",
        "made_by": f"tests/oracles/aep8/build_flux_table.py with aep8 {aep8.__version__} (IRBEM)",
        "field": "Jensen and Cain 1960 for MIN, GSFC 12/66 for epoch 1970 for MAX, as IRBEM sets them",
        "epoch_year": {name: year for name, (_, _, year) in EPOCHS.items()},
        "altitude_km": list(ALTITUDE_KM),
        "latitude_deg": f"-90 to 90 in steps of {LATITUDE_STEP_DEG}",
        "longitude_deg": f"-180 to 176 in steps of {LONGITUDE_STEP_DEG}",
        "energy_mev": list(ENERGIES_MEV),
        "coding": "flux = (code x step)^2; codes are uint16, stored as differences along longitude (modulo 65536)",
        "step": STEP,
    }
    (DATA / "trapped_protons.json").write_text(json.dumps(facts, indent=1) + "\n")
    sys.stdout.write(f"{(DATA / 'trapped_protons.npz').stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
