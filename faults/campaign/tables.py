"""results.parquet: a row a case, for whoever asks with a data frame or a database."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bus.errors import EnvironmentFault
from bus.files import write_whole
from faults.campaign.outcome import Result

PLAIN = ("case", "asked", "control", "seed", "verdict", "outcome", "error", "ticks", "trace_hash")
NESTED = ("expectations", "chains")


def write_parquet(path: Path, results: Sequence[Result]) -> bool:
    """Write the file; False where pyarrow is not there. Raises EnvironmentFault where it cannot be written."""
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        return False
    variables = dict.fromkeys(f"value.{name}" for result in results for name in result["values"])
    rows = [_row(result, variables) for result in results]
    content = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), content)
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}", hint="choose another --out") from error
    return True


def _row(result: Result, variables: dict[str, None]) -> dict[str, Any]:
    """Plain columns, a column `value.NAME` for each variable, and lists of expectations and injections."""
    values = {f"value.{name}": label for name, label in result["values"].items()}
    return {
        **{name: result[name] for name in PLAIN},
        "waived": result.get("waived", ""),
        **{name: values.get(name) for name in variables},
        **{name: [_floats(row) for row in result[name]] for name in NESTED},
    }


def _floats(row: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers of seconds become numbers like the others of their column."""
    return {
        name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in row.items()
    }
