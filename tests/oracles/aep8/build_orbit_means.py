"""Trapped particles averaged over circular orbits. `make.sh` runs it in an environment of its own with `aep8`.

Writes node/plant/radiation/data/trapped_electrons.json (AE8, for what electrons do to solar cells) and tests/oracles/
orbit_spectra.json (whole spectra of AE8 and AP8 on four orbits, to check the plant against). Takes half a minute.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import aep8
import numpy as np
from astropy import units
from astropy.coordinates import EarthLocation
from astropy.time import Time

ROOT = Path(__file__).resolve().parents[3]
EPOCHS = {"minimum": ("min", "1964-07-01"), "maximum": ("max", "1970-01-01")}
ALTITUDE_KM = (250, 350, 450, 550, 700, 850, 1000, 1250, 1500, 1750, 2000)
INCLINATION_DEG = (0, 15, 30, 40, 50, 60, 70, 80, 90)
ELECTRON_MEV = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
FINE_ELECTRON_MEV = tuple(round(float(e), 4) for e in np.geomspace(0.2, 7.0, 30))
FINE_PROTON_MEV = tuple(round(float(e), 4) for e in np.geomspace(1.0, 390.0, 60))
ORBITS = {"ISS": (51.6, 420.0), "SSO 650": (97.986, 650.0), "30 deg 600": (30.0, 600.0), "SSO 1200": (100.419, 1200.0)}
LATITUDE = np.arange(-89.0, 90.0, 2.0)
LONGITUDE = np.arange(-180.0, 180.0, 4.0)


def fluxes(particle: str, activity: str, altitude_km: float, energies: tuple[float, ...]) -> np.ndarray:
    """Integral flux (cm-2 s-1), averaged over longitude: latitude x energy."""
    solar, epoch = EPOCHS[activity]
    north, east = np.meshgrid(LATITUDE, LONGITUDE, indexing="ij")
    up = np.full(north.shape, altitude_km)
    place = EarthLocation.from_geodetic(east * units.deg, north * units.deg, up * units.km)
    model = aep8.model(particle, solar)
    shell, ratio = model.geomagnetic_coordinates(place, Time(epoch))
    flux = model.integral_flux_for_geomagnetic_coordinates(
        shell[..., None], ratio[..., None], np.array(energies) * units.MeV
    )
    mean: np.ndarray = np.nan_to_num(flux.value, nan=0.0, posinf=0.0, neginf=0.0).mean(axis=1)
    return mean


def time_at_latitudes(inclination_deg: float) -> np.ndarray:
    """Share of time that a circular orbit spends in each band of latitude."""
    top = np.sin(np.radians(max(1.0, min(inclination_deg, 180.0 - inclination_deg))))
    edges = np.clip(np.sin(np.radians(np.arange(-90.0, 90.1, 2.0))) / top, -1.0, 1.0)
    share: np.ndarray = np.diff(np.arcsin(edges)) / np.pi
    return share


def short(values: np.ndarray) -> list[float]:
    """Three digits; nothing below 0.001."""
    return [float(f"{x:.3g}") if x >= 1e-3 else 0.0 for x in values]


def main() -> int:
    """Write both files."""
    warnings.simplefilter("ignore")
    table = {}
    for activity in EPOCHS:
        maps = [fluxes("e", activity, altitude, ELECTRON_MEV) for altitude in ALTITUDE_KM]
        table[activity] = [[short(time_at_latitudes(i) @ flux) for i in INCLINATION_DEG] for flux in maps]
    facts = {
        "what": "trapped electrons, omnidirectional integral flux in cm-2 s-1 above each energy, mean over a circular "
        "orbit: altitude x inclination x energy",
        "model": "AE8-MIN and AE8-MAX (Vette 1991, NSSDC/WDC-A-R&S 91-24), in the fields of 1964 and 1970",
        "made_by": f"tests/oracles/aep8/build_orbit_means.py with aep8 {aep8.__version__} (IRBEM)",
        "altitude_km": ALTITUDE_KM,
        "inclination_deg": INCLINATION_DEG,
        "energy_mev": ELECTRON_MEV,
        **table,
    }
    (ROOT / "node" / "plant" / "radiation" / "data" / "trapped_electrons.json").write_text(json.dumps(facts) + "\n")
    spectra = {}
    for name, (inclination, altitude) in ORBITS.items():
        spectra[name] = {
            activity: {
                "p": short(time_at_latitudes(inclination) @ fluxes("p", activity, altitude, FINE_PROTON_MEV)),
                "e": short(time_at_latitudes(inclination) @ fluxes("e", activity, altitude, FINE_ELECTRON_MEV)),
            }
            for activity in EPOCHS
        }
    made = {
        "made_by": facts["made_by"],
        "orbits": ORBITS,
        "proton_mev": FINE_PROTON_MEV,
        "electron_mev": FINE_ELECTRON_MEV,
        "spectra": spectra,
    }
    (ROOT / "tests" / "oracles" / "orbit_spectra.json").write_text(json.dumps(made) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
