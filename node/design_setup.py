"""A design, an orbit and the scenario's surroundings -> everything a plant is built from. Imports no numba."""

from __future__ import annotations

from collections.abc import Sequence

from bus.scenario import Environment, Spacecraft, Station, TleOrbit
from node.design import Design
from node.design_plant import plant_orders, plant_parameters, plant_state
from node.plant.attitude_setup import for_mass
from node.plant.link_setup import GroundSite
from node.plant.orbit_setup import Elements
from node.plant.setup import PlantSetup

DRAG_SHARE = 0.1  # assumption: an array edge-on to the flow shows a tenth of its area, averaged over an orbit


def plant_setup(
    design: Design,
    spacecraft: Spacecraft,
    *,
    stations: Sequence[Station],
    environment: Environment,
    epoch_utc: str,
    seed: int,
) -> PlantSetup:
    """The plant of one spacecraft of a scenario."""
    orbit = spacecraft.orbit
    elements, tle, propagator = None, None, "j2"
    if isinstance(orbit, TleOrbit):
        tle, propagator = (orbit.line1, orbit.line2), orbit.propagator
    else:
        elements = Elements(
            orbit.semi_major_axis_m,
            orbit.eccentricity,
            orbit.inclination_rad,
            orbit.raan_rad,
            orbit.argument_of_perigee_rad,
            orbit.mean_anomaly_rad,
        )
    return PlantSetup(
        capacity_class=design.capacity.name,
        names={**design.names, "station": [station.id for station in stations]},
        parameters=plant_parameters(design),
        state=plant_state(design),
        orders=plant_orders(design),
        spacecraft=spacecraft.id,
        seed=seed,
        epoch_utc=epoch_utc,
        mass_kg=design.form.mass,
        drag_area_m2=DRAG_SHARE * design.form.array.area,
        attitude=for_mass(design.form.mass, design.form.array.area),
        elements=elements,
        tle=tle,
        propagator=propagator,
        sites=[_site(station) for station in stations],
        shielding_kg_m2=design.form.shielding,
        solar_maximum=1.0 if environment.solar_activity == "maximum" else 0.0,
        storm_density_factor=environment.storm_density_factor,
        solar_event=environment.solar_event,
        solar_event_at_s=environment.solar_event_at_s,
        peers=spacecraft.peers,
        initial=spacecraft.initial,
    )


def _site(station: Station) -> GroundSite:
    bands = {band.lower() for band in station.bands}
    return GroundSite(
        station.latitude_rad,
        station.longitude_rad,
        station.altitude_m,
        station.mask_rad,
        bands=("s" in bands, "ka" in bands),
    )
