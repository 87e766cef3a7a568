"""A user's own faults: a file in the form of the catalogue, named by a scenario's `catalogue:`, made of the primitives
that the seams have.

What an entry would inject is checked against the design that it strikes, so that no spacecraft has to refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from bus.errors import Mistake, Refused, ScenarioError
from bus.scenario.model import Scenario
from bus.text.files import decode, read_file
from bus.text.leaves import text
from bus.text.near import one_of
from bus.text.reader import Item
from bus.wire.messages import Seam
from faults.catalogue.form import DesignInfo, FaultForm, Primitive, read_entries
from faults.catalogue.resolve import FAULTS
from faults.scenarios.vocabulary import TruthNames
from node.devices.impairments import PLACES as LINK_PLACES
from node.devices.impairments import PRIMITIVES as LINK
from node.injection.engine import unknown_parameter
from node.injection.faulty_device import PRIMITIVES as DEVICE
from node.injection.host import HostSeam
from node.injection.plant import PlantSeam, struck_in_vain
from node.truth import NODE_SIGNALS

PRIMITIVES: Mapping[Seam, Mapping[str, Mapping[str, object]]] = {
    Seam.PLANT: PlantSeam.PRIMITIVES,
    Seam.DEVICE: DEVICE,
    Seam.LINK: LINK,
    Seam.HOST: HostSeam.PRIMITIVES,
}
PathText = Annotated[str, text(longest=1000)]
NEEDED = ("value", "down_s", "seconds", "point", "ppb")
"""Parameters without which the plant and the host do nothing."""


def faults_of(scenario: Scenario) -> Mapping[str, FaultForm]:
    """All faults that may strike in a run: the shipped ones and those that came along. Raises ScenarioError."""
    if not scenario.catalogue:
        return FAULTS
    return {**FAULTS, **read_entries(scenario.catalogue.encode(), "the run's own catalogue")}


def read_own(item: Item) -> tuple[Mapping[str, FaultForm] | None, str]:
    """All faults that a scenario may name, the shipped ones and those of the file that stands here, and its text. None
    after a mistake: then any name will do, for one mistake causes no others."""
    written = item.read(PathText)
    if written is None:
        return None, ""
    path = Path(item.sheet.file).parent / written
    try:
        if not path.is_file():
            raise ScenarioError([Mistake("", 0, 0, "", "no file there", "the path of a file of faults")])
        content = read_file(path, "catalogue")
        own, said = read_entries(content, str(path)), decode(content, str(path))
    except ScenarioError as error:
        item.sheet.mistakes.extend(mistake for mistake in error.mistakes if mistake.line)
        for mistake in error.mistakes:
            if not mistake.line:
                item.refuse(f"{str(path)!r}: {mistake.found}", mistake.allowed)
        return None, ""
    for name in own:
        if name in FAULTS:
            item.refuse(f"{name!r} in {str(path)!r}", "a name that no shipped fault has")
    return {**FAULTS, **own}, said


def check_own(fault: str, primitives: Sequence[Primitive], design: DesignInfo) -> None:
    """Raises ScenarioError where a seam would refuse a primitive of a user's fault."""
    for number, place, name, parameters in primitives if fault not in FAULTS else ():
        seam = Seam(number)
        try:
            _place(seam, place, design)
            known = PRIMITIVES[seam]
            if name not in known:
                raise Refused(f"the primitive {name!r}", one_of(known, name))
            wrong = unknown_parameter(known[name], parameters)
            needed = [one for one in NEEDED if seam in (Seam.PLANT, Seam.HOST) and one in known[name]]
            missing = [one for one in needed if one not in parameters]
            wrong = wrong or (struck_in_vain(place, name, parameters) if seam is Seam.PLANT and not missing else "")
            if wrong or missing:
                found = wrong or f"no parameter '{missing[0]}'"
                raise Refused(found, f"{name} with {', '.join(known[name]) or 'nothing'}")
        except Refused as error:
            what = f"{fault}, which does {name} at {place}: {error.found}"
            raise ScenarioError([Mistake("", 0, 0, "fault", what, error.allowed)]) from None


def _place(seam: Seam, place: str, design: DesignInfo) -> None:
    if seam is Seam.PLANT:
        if place not in TruthNames(design.name) or place in NODE_SIGNALS:
            raise Refused(f"the field {place!r}", f"one of `skyrack list fields` of design '{design.name}'")
        return
    places = {Seam.LINK: LINK_PLACES, Seam.HOST: ("computer",)}.get(
        seam, (*design.sensors, *dict.fromkeys(one.partition(".")[0] for one in design.sensors))
    )
    if place not in places:
        raise Refused(f"the place {place!r}", one_of(places, place))
