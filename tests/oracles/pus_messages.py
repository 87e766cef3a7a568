"""What ECSS-E-ST-70-41C calls its messages, for the services that Skyrack has: a table to compare with.

Looked up in public implementations, none of which this project is built from. Sources, one or more letters a row:
E: the table of message types in ESA's packet dissector for PUS-C (2023, Lua).
C: a PUS-C codec in Go that names the clause of each message type (8.12.2.1 and on).
A: enumerations of AcubeSAT's `ecss-services` (C++): event-action, on-board monitoring up to 14.
S: `spacepackets` (Python); `test_pus.py` asks the installed library itself.
Names are shortened. Numbers that are not here, the standard does not use.
"""

from __future__ import annotations

REQUEST, REPORT = "TC", "TM"

_TABLE = """
1 1 TM ES successful acceptance
1 2 TM ES failed acceptance
1 3 TM ES successful start
1 4 TM ES failed start
1 5 TM ES successful progress
1 6 TM ES failed progress
1 7 TM ES successful completion
1 8 TM ES failed completion
1 10 TM E failed routing
2 1 TC E distribute on/off device commands
2 2 TC E distribute register load commands
2 4 TC E distribute CPDU commands
2 5 TC E distribute register dump commands
2 6 TM E register dump
2 7 TC E distribute physical device commands
2 8 TC E acquire data from physical devices
2 9 TM E physical device data
2 10 TC E distribute logical device commands
2 11 TC E acquire data from logical devices
2 12 TM E logical device data
3 1 TC E create a housekeeping structure
3 2 TC E create a diagnostic structure
3 3 TC E delete housekeeping structures
3 4 TC E delete diagnostic structures
3 5 TC ES enable periodic housekeeping
3 6 TC ES disable periodic housekeeping
3 7 TC E enable periodic diagnostics
3 8 TC E disable periodic diagnostics
3 9 TC E report housekeeping structures
3 10 TM E housekeeping structure
3 11 TC E report diagnostic structures
3 12 TM E diagnostic structure
3 25 TM ES housekeeping
3 26 TM E diagnostic
3 27 TC ES one-shot housekeeping
3 28 TC E one-shot diagnostics
3 29 TC E append parameters to a housekeeping structure
3 30 TC E append parameters to a diagnostic structure
3 31 TC ES modify the collection interval of housekeeping
3 32 TC E modify the collection interval of diagnostics
3 33 TC E report generation properties of housekeeping
3 34 TC E report generation properties of diagnostics
3 35 TM E generation properties of housekeeping
3 36 TM E generation properties of diagnostics
3 37 TC E apply functional reporting configurations
3 38 TC E create a functional reporting definition
3 39 TC E delete functional reporting definitions
3 40 TC E report functional reporting definitions
3 41 TM E functional reporting definition
3 42 TC E add to a functional reporting definition
3 43 TC E remove from a functional reporting definition
3 44 TC E modify generation properties of a functional reporting definition
4 1 TC E report the statistics
4 2 TM E statistics
4 3 TC E reset the statistics
4 4 TC E enable periodic statistics
4 5 TC E disable periodic statistics
4 6 TC E add or update definitions
4 7 TC E delete definitions
4 8 TC E report definitions
4 9 TM E definition
5 1 TM ES informative event
5 2 TM ES low severity anomaly
5 3 TM ES medium severity anomaly
5 4 TM ES high severity anomaly
5 5 TC ES enable reports
5 6 TC ES disable reports
5 7 TC E report the disabled
5 8 TM E list of the disabled
6 1 TC E load object memory
6 2 TC E load raw memory
6 3 TC E dump object memory
6 4 TM E dumped object memory
6 5 TC E dump raw memory
6 6 TM E dumped raw memory
6 7 TC E check object memory
6 8 TM E checked object memory
6 9 TC E check raw memory
6 10 TM E checked raw memory
6 11 TC E load raw memory without interruption
6 12 TC E abort all dumps
6 13 TC E enable scrubbing
6 14 TC E disable scrubbing
6 15 TC E enable write protection
6 16 TC E disable write protection
6 17 TC E check an object
6 18 TM E checked object
6 19 TC E load raw memory by reference
6 20 TC E dump raw memory to file
6 21 TC E load object memory by reference
6 22 TC E dump object memory to file
8 1 TC E perform a function
9 1 TC E set the rate of time reports
9 2 TM E CUC time
9 3 TM E CDS time
11 1 TC E enable the schedule
11 2 TC E disable the schedule
11 3 TC E reset the schedule
11 4 TC E insert activities
11 5 TC E delete by request identifier
11 6 TC E delete by filter
11 7 TC E shift by request identifier
11 8 TC E shift by filter
11 9 TC E detail-report by request identifier
11 10 TM E detail
11 11 TC E detail-report by filter
11 12 TC E summary-report by request identifier
11 13 TM E summary
11 14 TC E summary-report by filter
11 15 TC E shift all
11 16 TC E detail-report all
11 17 TC E summary-report all
11 18 TC E report the status of sub-schedules
11 19 TM E status of sub-schedules
11 20 TC E enable sub-schedules
11 21 TC E disable sub-schedules
11 22 TC E create groups
11 23 TC E delete groups
11 24 TC E enable groups
11 25 TC E disable groups
11 26 TC E report the status of groups
11 27 TM E status of groups
12 1 TC ECA enable definitions
12 2 TC ECA disable definitions
12 3 TC ECA change the maximum transition reporting delay
12 4 TC ECA delete all definitions
12 5 TC ECA add definitions
12 6 TC ECA delete definitions
12 7 TC ECA modify definitions
12 8 TC ECA report definitions
12 9 TM ECA definition
12 10 TC ECA report the out-of-limits
12 11 TM ECA out-of-limits
12 12 TM ECA check transition
12 13 TC ECA report the status of definitions
12 14 TM ECA status of definitions
12 15 TC EC enable the parameter monitoring function
12 16 TC EC disable the parameter monitoring function
12 17 TC EC enable the functional monitoring function
12 18 TC EC disable the functional monitoring function
12 19 TC EC enable functional definitions
12 20 TC EC disable functional definitions
12 21 TC EC protect functional definitions
12 22 TC EC unprotect functional definitions
12 23 TC EC add functional definitions
12 24 TC EC delete functional definitions
12 25 TC EC report functional definitions
12 26 TM EC functional definition
12 27 TC EC report the status of functional definitions
12 28 TM EC status of functional definitions
13 1 TM E first downlink part
13 2 TM E intermediate downlink part
13 3 TM E last downlink part
13 9 TC E first uplink part
13 10 TC E intermediate uplink part
13 11 TC E last uplink part
13 16 TM E uplink aborted
15 1 TC E enable storage
15 2 TC E disable storage
15 3 TC E add report types to the storage control
15 4 TC E delete report types from the storage control
15 5 TC E report the storage control
15 6 TM E storage control
15 9 TC ES start retrieval by time range
15 11 TC ES delete up to a time
15 12 TC E summary-report the content
15 13 TM E summary of the content
15 14 TC E change the start of the open retrieval
15 15 TC E resume the open retrieval
15 16 TC E suspend the open retrieval
15 17 TC E abort retrieval by time range
15 18 TC E report the status of stores
15 19 TM E status of stores
15 20 TC E create stores
15 21 TC E delete stores
15 22 TC E report the configuration of stores
15 23 TM E configuration of stores
15 24 TC E copy packets of a time window
15 25 TC E resize stores
15 26 TC E make a store circular
15 27 TC E make a store bounded
15 28 TC E change the virtual channel of a store
15 29 TC E add structures to the housekeeping control
15 30 TC E delete structures from the housekeeping control
15 31 TC E add structures to the diagnostic control
15 32 TC E delete structures from the diagnostic control
15 33 TC E delete events from the event blocking
15 34 TC E add events to the event blocking
15 35 TC E report the housekeeping control
15 36 TM E housekeeping control
15 37 TC E report the diagnostic control
15 38 TM E diagnostic control
15 39 TC E report the event blocking
15 40 TM E event blocking
17 1 TC ES are you alive
17 2 TM ES alive
17 3 TC E on-board connection test
17 4 TM E on-board connection
18 1 TC E load a procedure
18 2 TC E unload a procedure
18 3 TC E activate a procedure
18 4 TC E stop a procedure
18 5 TC E suspend a procedure
18 6 TC E resume a procedure
18 7 TC E communicate parameters to a procedure
18 8 TC E report the status of procedures
18 9 TM E status of procedures
18 12 TC E abort a procedure
18 13 TC E load by reference
18 14 TC E activate for one step
18 15 TC E resume for one step
18 16 TC E set the observability level
18 17 TC E abort all and report
18 18 TM E aborted procedures
18 19 TC E load by reference and activate
18 20 TC E stop and unload
18 21 TC E start the engine
18 22 TC E stop the engine
19 1 TC EA add definitions
19 2 TC EA delete definitions
19 3 TC EA delete all definitions
19 4 TC EA enable definitions
19 5 TC EA disable definitions
19 6 TC EA report the status of definitions
19 7 TM EA status of definitions
19 8 TC EA enable the event-action function
19 9 TC EA disable the event-action function
19 10 TC E report definitions
19 11 TM E definition
20 1 TC E report values
20 2 TM E values
20 3 TC E set values
20 4 TC E change raw memory definitions
20 5 TC E change object memory definitions
20 6 TC E report definitions
20 7 TM E definition
"""

STANDARD: dict[tuple[int, int], tuple[str, str, str]] = {}
"""Direction, name and sources by (service, subtype)."""
for _line in _TABLE.strip().splitlines():
    _service, _subtype, _direction, _sources, _name = _line.split(" ", 4)
    STANDARD[int(_service), int(_subtype)] = _direction, _name, _sources

OURS: dict[str, tuple[int, int]] = {
    "power.lcl": (2, 1),
    "housekeeping.enable": (3, 5), "housekeeping.disable": (3, 6), "housekeeping.one_shot": (3, 27),
    "housekeeping.interval": (3, 31), "housekeeping.create": (3, 1), "housekeeping.delete": (3, 3),
    "housekeeping.describe": (3, 9), "housekeeping.append": (3, 29), "diagnostic.create": (3, 2),
    "diagnostic.delete": (3, 4), "diagnostic.enable": (3, 7), "diagnostic.disable": (3, 8),
    "diagnostic.describe": (3, 11), "diagnostic.one_shot": (3, 28), "diagnostic.append": (3, 30),
    "diagnostic.interval": (3, 32),
    "statistics.report": (4, 1), "statistics.reset": (4, 3), "statistics.enable": (4, 4), "statistics.disable": (4, 5),
    "statistics.add": (4, 6), "statistics.delete": (4, 7),
    "event.enable": (5, 5), "event.disable": (5, 6),
    "memory.load": (6, 2), "memory.dump": (6, 5), "memory.check": (6, 9),
    "time.report_rate": (9, 1),
    "schedule.enable": (11, 1), "schedule.disable": (11, 2), "schedule.reset": (11, 3), "schedule.insert": (11, 4),
    "schedule.delete": (11, 5), "schedule.shift": (11, 7), "schedule.report_one": (11, 12),
    "schedule.shift_all": (11, 15), "schedule.report": (11, 17), "schedule.enable_sub": (11, 20),
    "schedule.disable_sub": (11, 21), "schedule.enable_group": (11, 24), "schedule.disable_group": (11, 25),
    "schedule.delete_where": (11, 6), "schedule.shift_where": (11, 8), "schedule.detail_one": (11, 9),
    "schedule.detail_where": (11, 11), "schedule.report_where": (11, 14), "schedule.detail": (11, 16),
    "schedule.report_subs": (11, 18), "schedule.create_group": (11, 22), "schedule.delete_group": (11, 23),
    "schedule.report_groups": (11, 26),
    "monitoring.enable": (12, 1), "monitoring.disable": (12, 2), "monitoring.add": (12, 5),
    "monitoring.delete": (12, 6), "monitoring.modify": (12, 7), "monitoring.report": (12, 8),
    "monitoring.out_of_limits": (12, 10), "monitoring.on": (12, 15), "monitoring.off": (12, 16),
    "store.enable": (15, 1), "store.disable": (15, 2), "store.retrieve": (15, 9), "store.delete": (15, 11),
    "store.summary": (15, 12), "store.resume": (15, 15), "store.suspend": (15, 16), "store.abort": (15, 17),
    "store.status": (15, 18), "store.configuration": (15, 22), "store.resize": (15, 25), "store.circular": (15, 26),
    "store.bounded": (15, 27),
    "transfer.first": (13, 9), "transfer.part": (13, 10), "transfer.last": (13, 11), "test.ping": (17, 1),
    "procedure.load": (18, 1), "procedure.unload": (18, 2), "procedure.activate": (18, 3), "procedure.stop": (18, 4),
    "procedure.suspend": (18, 5), "procedure.resume": (18, 6), "procedure.status": (18, 8), "procedure.abort": (18, 12),
    "procedure.abort_all": (18, 17), "procedure.on": (18, 21), "procedure.off": (18, 22),
    "event_action.add": (19, 1), "event_action.delete": (19, 2), "event_action.enable": (19, 4),
    "event_action.disable": (19, 5), "event_action.on": (19, 8), "event_action.off": (19, 9),
    "parameter.get": (20, 1), "parameter.set": (20, 3),
}  # fmt: skip
"""What each of our telecommands is, compared by hand with the standard's name for it."""
REPORTS: dict[str, tuple[int, int]] = {
    "housekeeping_structure": (3, 10), "diagnostic_structure": (3, 12),
    "statistics_report": (4, 2), "memory_dump": (6, 6), "memory_check": (6, 10), "time_report": (9, 2),
    "schedule_detail": (11, 10), "sub_schedule_status": (11, 19), "schedule_group_status": (11, 27),
    "store_summary": (15, 13), "store_status": (15, 19), "store_configuration": (15, 23),
    "schedule_summary": (11, 13), "monitor_definition": (12, 9), "out_of_limits": (12, 11),
    "check_transition": (12, 12), "test_report": (17, 2),
    "large_packet_first": (13, 1), "large_packet_part": (13, 2), "large_packet_last": (13, 3),
    "upload_aborted": (13, 16), "procedure_status": (18, 9), "procedures_aborted": (18, 18),
    "parameter_report": (20, 2),
}  # fmt: skip
"""The same of reports. Housekeeping structures are (3, 25)."""
