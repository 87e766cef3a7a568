"""The commands that have pages of their own, as the front door lists them behind its own."""

from __future__ import annotations

import typer

from faults.commands.alarm import alarm_group
from faults.commands.api import EPILOG as API_EPILOG
from faults.commands.api import api
from faults.commands.archive import group as archive_group
from faults.commands.campaign import EPILOG, campaign
from faults.commands.clock import EPILOG as CLOCK_EPILOG
from faults.commands.clock import clock
from faults.commands.compare import EPILOG as COMPARE_EPILOG
from faults.commands.compare import compare
from faults.commands.console import EPILOG as CONSOLE_EPILOG
from faults.commands.console import console
from faults.commands.contacts import contacts
from faults.commands.faults import EPILOG as FAULTS_EPILOG
from faults.commands.faults import faults
from faults.commands.fit import EPILOG as FIT_EPILOG
from faults.commands.fit import fit
from faults.commands.fleet import EPILOG as FLEET_EPILOG
from faults.commands.fleet import fleet
from faults.commands.flight_software import flying
from faults.commands.fork import EPILOG as FORK_EPILOG
from faults.commands.fork import fork
from faults.commands.hil import group as hil_group
from faults.commands.init import EPILOG as INIT_EPILOG
from faults.commands.init import init
from faults.commands.procedure import group
from faults.commands.range_api import EPILOG as RANGE_EPILOG
from faults.commands.range_api import range_
from faults.commands.report import EPILOG as REPORT_EPILOG
from faults.commands.report import report
from faults.commands.search import EPILOG as SEARCH_EPILOG
from faults.commands.search import search
from faults.commands.train import EPILOG as TRAIN_EPILOG
from faults.commands.train import train
from faults.commands.upload import EPILOG as UPLOAD_EPILOG
from faults.commands.upload import upload
from faults.commands.why import EPILOG as WHY_EPILOG
from faults.commands.why import why


def add_groups(app: typer.Typer) -> None:
    """Contacts, campaigns, forks and questions; then what operators have."""
    flying(app, epilog="Example: skyrack contacts first-light --ical > contacts.ics")(contacts)
    app.command(epilog=FLEET_EPILOG)(fleet)
    flying(app, epilog=EPILOG)(campaign)
    flying(app, epilog=SEARCH_EPILOG)(search)
    flying(app, epilog=FORK_EPILOG)(fork)
    app.command(epilog=COMPARE_EPILOG)(compare)
    app.command(epilog=FIT_EPILOG)(fit)
    flying(app, epilog=WHY_EPILOG)(why)
    flying(app, epilog=REPORT_EPILOG)(report)
    app.command(epilog=FAULTS_EPILOG)(faults)
    app.command(epilog=UPLOAD_EPILOG)(upload)
    app.command(epilog=INIT_EPILOG)(init)
    app.command(epilog=API_EPILOG)(api)
    app.command("range", epilog=RANGE_EPILOG)(range_)
    app.command(epilog=CONSOLE_EPILOG)(console)
    app.command(epilog=CLOCK_EPILOG)(clock)
    app.command(epilog=TRAIN_EPILOG)(train)
    app.add_typer(group, name="procedure", help="Ground procedures: list, show, run, answer, abort.")
    app.add_typer(archive_group, name="archive", help="The ground's archive: latest, range, levels.")
    app.add_typer(alarm_group, name="alarm", help="The ground's alarms: list, acknowledge, shelve.")
    app.add_typer(hil_group, name="hil", help="Hardware in the loop: header, probe, record, play.")
