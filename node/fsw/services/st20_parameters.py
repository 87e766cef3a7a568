"""On-board parameters, service 20: the ground reads and sets what other components declare.

The values live in the image that the rules read in every cycle; here are only the limits and the order that protect it.
"""

from __future__ import annotations

from bus.pus import Code, Service
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, Stateless, telecommand
from node.fsw.services.st15_storage import Storage

_PARAMETER = Arg("parameter", "enum", "on-board parameter", labels=lambda words: words.parameters)


class Parameters(Component):
    """`ascending`: pairs of parameters that must stay in this order, or the rules would swing to and fro."""

    name = "parameters"
    state: Stateless

    VALUE = Report(
        1020, "parameter_report", Service.PARAMETER, 2,
        (
            Arg(
                "reported_parameter", "enum", "Parameter that the ground asked for",
                labels=lambda words: words.parameters,
            ),
            Arg("reported_value", "float", "Its value, in its own unit"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, storage: Storage, ascending: tuple[tuple[str, str], ...]) -> None:
        super().__init__(on_board, Stateless())
        self._storage = storage
        self._ascending = ascending
        self._by_name = {parameter.name: parameter for parameter in on_board.parameters}

    @telecommand("parameter.get", Service.PARAMETER, 1, "Report the value of an on-board parameter", _PARAMETER)
    def get(self, parameter: int) -> Failure:
        """TC[20,1] report parameter values."""
        self._report(parameter)
        return None

    @telecommand(
        "parameter.set", Service.PARAMETER, 3, "Set an on-board parameter within its limits; survives a reboot",
        _PARAMETER, Arg("value", "float", "new value, in the parameter's unit", "", -1e12, 1e12), hazardous=True,
    )  # fmt: skip
    def set(self, parameter: int, value: float) -> Failure:
        """TC[20,3] set parameter values."""
        form = self.on_board.parameters[parameter]
        if not form.low <= value <= form.high:
            return Code.OUT_OF_RANGE, f"{form.name} {value} is outside {form.low} ... {form.high} {form.unit}"
        for lower, upper in self._ascending:
            if form.name in {lower, upper}:
                pair = {name: self.on_board.stored(self._by_name[name]) for name in (lower, upper)}
                pair[form.name] = value
                if not pair[lower] < pair[upper]:
                    return Code.OUT_OF_RANGE, f"{lower} {pair[lower]} must be below {upper} {pair[upper]}"
        self.on_board.store(form, value)
        self._report(parameter)
        return None

    def _report(self, parameter: int) -> None:
        """TM[20,2]."""
        self._storage.report(self.VALUE, parameter, self.on_board.value(self.on_board.parameters[parameter]))
