"""A design, an orbit and the scenario's surroundings -> everything a plant is built from. Imports no numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bus.orbits.elements import satellite
from bus.scenario.model import Environment, OmmOrbit, Spacecraft, Station, TleOrbit
from node.designs.bench import on_bench
from node.designs.jobs import job_orders, job_parameters, job_state, slot_names, workload
from node.designs.load import Design
from node.designs.parts import RadioBand
from node.designs.plant import plant_orders, plant_parameters, plant_state
from node.plant.attitude.setup import AttitudeFigures
from node.plant.link.setup import KA_BAND_RADIO, GroundSite, Radio
from node.plant.orbit.setup import Elements
from node.plant.radiation import setup as radiation_setup
from node.plant.setup import PlantSetup

DRAG_COEFFICIENT = 2.2  # flat plates in free molecular flow: SMAD
REFLECTED = 1.3  # assumption: pressure of sunlight over that on a black plate


def plant_setup(
    design: Design,
    spacecraft: Spacecraft,
    *,
    stations: Sequence[Station],
    environment: Environment,
    epoch_utc: str,
    seed: int,
    peer_heads: Sequence[int] = (),
    guests: bool = False,
) -> PlantSetup:
    """The plant of one spacecraft of a scenario. `peer_heads`: which head of each peer looks here (-1: not known).
    `guests`: jobs of peers may come here."""
    orbit = spacecraft.orbit
    elements, published, propagator = None, None, "j2"
    if isinstance(orbit, TleOrbit | OmmOrbit):
        published, propagator = satellite(orbit), orbit.propagator
    else:
        elements = Elements(
            orbit.semi_major_axis_m,
            orbit.eccentricity,
            orbit.inclination_rad,
            orbit.raan_rad,
            orbit.argument_of_perigee_rad,
            orbit.mean_anomaly_rad,
        )
    heads = list(peer_heads[: len(design.form.isl_heads)])
    names: dict[str, Sequence[str]] = {
        **design.names,
        "station": [station.id for station in stations],
        "job": slot_names(design, spacecraft),
    }
    parameters = {**plant_parameters(design), **job_parameters(design, spacecraft, guests=guests)}
    state = {**plant_state(design), **job_state(design, spacecraft, guests=guests)}
    if environment.bench is not None:
        on_bench(design, environment.bench, parameters, state, names)
    return PlantSetup(
        capacity_class=design.capacity.name,
        names=names,
        parameters=parameters,
        state=state,
        orders={**plant_orders(design), **job_orders(spacecraft), **({"isl_peer_head": heads} if heads else {})},
        spacecraft=spacecraft.id,
        seed=seed,
        epoch_utc=epoch_utc,
        mass_kg=design.form.mass,
        drag_area_m2=design.form.attitude.drag_area,
        attitude=attitude_figures(design),
        elements=elements,
        satellite=published,
        propagator=propagator,
        sites=[_site(station) for station in stations],
        radios=_radios(design),
        isl_axes=[head.axis for head in design.form.isl_heads.values()],
        isl_terminal=_terminal(design),
        shielding_kg_m2=design.form.shielding,
        cover_glass_kg_m2=design.form.array.cover_glass,
        cell_proton_ratio=design.form.array.cell.proton_damage,
        devices=_devices(design),
        solar_activity=environment.solar_activity,
        solar_f107=environment.solar_f107,
        solar_ap=environment.solar_ap,
        earth_infrared=environment.earth_infrared,
        albedo=environment.albedo,
        storm_density_factor=environment.storm_density_factor,
        solar_event=environment.solar_event,
        solar_event_at_s=environment.solar_event_at_s,
        solar_event_samples=environment.solar_event_samples,
        sunlight=environment.bench is None,
        peers=spacecraft.peers,
        initial=_in_order(spacecraft.initial),
        workload=workload(spacecraft),
    )


def _in_order(initial: Mapping[str, float]) -> dict[str, float]:
    """The charge of the whole battery, then what is said of one group: a run's own file has names by the alphabet."""
    return {name: initial[name] for name in sorted(initial, key=lambda name: name != "battery_soc")}


def _site(station: Station) -> GroundSite:
    bands = {band.lower() for band in station.bands}
    return GroundSite(
        station.latitude_rad,
        station.longitude_rad,
        station.altitude_m,
        station.masks_rad.get("S", station.mask_rad),
        station.masks_rad.get("Ka", station.mask_rad),
        bands=("s" in bands, "ka" in bands),
        wet_fraction=station.wet_fraction,
        wet_mean_s=station.wet_mean_s,
    )


def attitude_figures(design: Design) -> AttitudeFigures:
    """Axes and actuators of a design."""
    form = design.form.attitude
    return AttitudeFigures(
        sun_axis=form.sun_axis,
        sun_second_axis=form.sun_second_axis,
        nadir_axis=form.nadir_axis,
        nadir_second_axis=form.nadir_second_axis,
        slew_rate_rad_s=form.slew_rate,
        safe_spin_rate_rad_s=min(AttitudeFigures().safe_spin_rate_rad_s, form.slew_rate),
        inertia_kg_m2=(form.inertia[0], form.inertia[1], form.inertia[2]),
        wheel_torque_n_m=form.wheel_torque,
        wheel_momentum_n_m_s=form.wheel_momentum,
        wheel_coulomb_n_m=0.01 * form.wheel_torque,
        torquer_a_m2=form.torquer,
        drag_area_m2=DRAG_COEFFICIENT * form.drag_area,
        sun_area_m2=REFLECTED * form.sun_area,
    )


def _radios(design: Design) -> tuple[Radio, Radio]:
    form = design.form.radio
    return _band(form.s_band), KA_BAND_RADIO if form.ka_band is None else _band(form.ka_band)


def _band(form: RadioBand) -> Radio:
    return Radio(
        downlink_frequency_hz=form.downlink_frequency,
        uplink_frequency_hz=form.uplink_frequency,
        power_w=form.power,
        gain_dbi=form.gain,
        beamwidth_rad=form.beamwidth,
        axis=form.axis,
        steering_rad=form.steering,
        gt_db_k=form.gain_over_temperature,
        loss_db=form.loss,
        threshold_db=form.threshold,
        downlink_rate_bps=form.downlink_rate,
        uplink_rate_bps=form.uplink_rate,
    )


def _terminal(design: Design) -> dict[str, float]:
    form = design.form.isl
    if form is None:
        return {}
    return {
        "power_w": form.power,
        "aperture_m": form.aperture,
        "efficiency": form.efficiency,
        "wavelength_m": form.wavelength,
        "loss_db": form.loss,
        "threshold_w": form.threshold,
        "full_rate_bps": form.rate,
        "jitter_rad": form.jitter,
        "field_rad": form.field,
        "search_mean_s": form.search_time,
        "sun_exclusion_rad": form.sun_exclusion,
    }


def _devices(design: Design) -> list[radiation_setup.Device]:
    """The accelerator groups first, in their order, then the design's other parts."""
    devices = [
        radiation_setup.accelerator(
            group.count,
            group.chip.memory_error_dose,
            group.chip.silent_error_dose,
            group.chip.interrupt_dose,
            group.chip.corrected_per_uncorrected,
        )
        for group in design.form.accelerators.values()
    ]
    kinds: dict[str, Callable[[float], radiation_setup.Device]] = {
        "host": radiation_setup.host,
        "sram": radiation_setup.sram,
        "ddr": radiation_setup.ddr,
        "fpga": radiation_setup.fpga,
        "latching_part": radiation_setup.latching_part,
    }
    return devices + [kinds[form.kind](form.amount) for form in design.form.devices.values()]
