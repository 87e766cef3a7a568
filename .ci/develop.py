"""Makes this checkout usable from the running environment, without a network and without a build tool.

Writes what `pip install --no-deps -e .` would write: a path file, the package's metadata, and the `skyrack` command.
Run it with the environment's own Python.
"""

from __future__ import annotations

import stat
import sys
import sysconfig
import tomllib
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write the three of them."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    site = Path(sysconfig.get_path("purelib"))
    (site / f"{name}.pth").write_text(f"{HOUSE}\n", encoding="utf-8")

    info = site / f"{name}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    requires = "".join(f"Requires-Dist: {requirement}\n" for requirement in project["dependencies"])
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {project['description']}\n{requires}"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    (info / "INSTALLER").write_text("make\n", encoding="utf-8")
    scripts = "".join(f"{command} = {target}\n" for command, target in project["scripts"].items())
    points = f"[console_scripts]\n{scripts}"
    for group, entries in project.get("entry-points", {}).items():
        points += f"\n[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
    (info / "entry_points.txt").write_text(points, encoding="utf-8")

    written = [site / f"{name}.pth", *sorted(info.iterdir())]
    for command, target in project["scripts"].items():
        module, function = target.split(":")
        script = Path(sysconfig.get_path("scripts")) / command
        script.write_text(
            f"#!{sys.executable}\nimport sys\n\nfrom {module} import {function}\n\n"
            f'if __name__ == "__main__":\n    sys.exit({function}())\n',
            encoding="utf-8",
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        written.append(script)
    rows = [f"{path},,\n" for path in [*written, info / "RECORD"]]
    (info / "RECORD").write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
