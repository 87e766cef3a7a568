"""Which procedures there are: those that ship, and an operator's own, from Python files named on the command line.

Own files are programs. They are loaded because whoever starts Skyrack names them; a scenario cannot bring any.
"""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from bus.errors import EnvironmentFault, Mistake, ScenarioError
from groundstation.procedures.declaration import Procedure
from groundstation.procedures.shipped import (
    accelerator_quarantine,
    battery_reconditioning,
    contact_plan_upload,
    first_contact,
    memory_patch,
    payload_start_up,
    rolling_parameter,
    safe_mode_recovery,
    schedule_upload,
)

_SHIPPED = (
    first_contact,
    safe_mode_recovery,
    payload_start_up,
    battery_reconditioning,
    accelerator_quarantine,
    rolling_parameter,
    schedule_upload,
    contact_plan_upload,
    memory_patch,
)


@cache
def shipped() -> Mapping[str, Procedure]:
    """The procedures that come with Skyrack, by name."""
    return MappingProxyType({one.name: one for module in _SHIPPED for one in _procedures_of(module)})


def with_own(files: Sequence[Path]) -> Mapping[str, Procedure]:
    """The shipped ones and those of these files. Raises EnvironmentFault for a file that cannot be read, ScenarioError
    with its line for one that is no program, or that takes a name that is taken."""
    known = dict(shipped())
    for path in files:
        found = _procedures_of(_module(path))
        if not found:
            raise ScenarioError([Mistake(str(path), 0, 0, "", "no procedure", "a function under @procedure(NAME)")])
        for one in found:
            if one.name in known:
                taken = Mistake(str(path), one.line, 1, one.name, "a name that is taken", "a name of its own")
                raise ScenarioError([taken])
            known[one.name] = one
    return MappingProxyType(known)


def answers(known: Mapping[str, Procedure]) -> dict[str, str]:
    """The procedure that answers an alarm, by the alarm's event or parameter; the first that says so."""
    found: dict[str, str] = {}
    for one in known.values():
        for alarm in one.answers:
            found.setdefault(alarm, one.name)
    return found


def _procedures_of(module: ModuleType) -> list[Procedure]:
    return [value for value in vars(module).values() if isinstance(value, Procedure)]


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise EnvironmentFault(f"cannot read procedures in {path}: there is no such file", hint="name a Python file")
    name = f"own_procedures_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise EnvironmentFault(f"{path} is no Python file", hint="procedures are written in a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        mistake = Mistake(str(path), error.lineno or 0, error.offset or 0, "", error.msg, "Python")
        raise ScenarioError([mistake]) from error
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        found = f"{type(error).__name__}: {error}"
        raise ScenarioError([Mistake(str(path), (lines or [0])[-1] or 0, 1, "", found, "a file that loads")]) from error
    return module
