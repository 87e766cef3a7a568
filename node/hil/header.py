"""The fixed layout as a C header: structs, numbers of channels and orders, and the hash of each dictionary: of a
design's devices, and of what its flight software reads and orders."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bus.dictionary import Argument, Dictionary, Parameter
from bus.pus import MAX_PACKET_BYTES, Severity
from bus.wire.outside import FLIGHT_SOFTWARE
from node.devices.device import Channel, DeviceForm
from node.fsw.boot import BootReason
from node.hil.frames import CRC, FIXED, HEADER, MAGIC, MAX_PAYLOAD_BYTES, VERSION
from node.hil.language import (
    ANSWERS_TICKS,
    BYE,
    CYCLE,
    HELLO,
    ORDER,
    PACKET,
    TICK,
    Kind,
    dictionary_of,
    measured_of,
    orders_of,
)

_COMMON = f"""\
#ifndef SKYRACK_HIL_H
#define SKYRACK_HIL_H

#include <stddef.h>
#include <stdint.h>

/* All numbers are little endian, doubles are IEEE 754: where the machine is so, the structs are what is sent. */

#define SKYRACK_VERSION {VERSION}
#define SKYRACK_MAX_PAYLOAD_BYTES {MAX_PAYLOAD_BYTES}
#define SKYRACK_CRC_BYTES {CRC.size}
#define SKYRACK_FIXED 0x{FIXED:02x} /* bit of the kind: the payload is one of these structs */
#define SKYRACK_ANSWERS_TICKS {ANSWERS_TICKS} /* flag of a hello */

struct skyrack_header {{ /* before each payload; after it, the CRC-32 (zlib's) of header and payload */
    char magic[2]; /* "{MAGIC.decode()}" */
    uint8_t version;
    uint8_t kind;
    uint16_t payload_bytes;
    uint16_t check; /* low half of the CRC-32 of the six bytes before */
}};

struct skyrack_hello {{
    uint8_t dictionary[8];
    uint64_t tick_ns;
    uint32_t flags;
    uint32_t reserved;
    char device[32];
    char spacecraft[32];
}};

struct skyrack_tick {{
    uint64_t tick;
    uint64_t time_ns; /* mission time at the end of the tick */
}};

struct skyrack_order {{ /* orders and what is measured */
    uint64_t tick;
    uint32_t what;
    uint32_t element;
    double value;
}};

struct skyrack_bye {{
    char reason[64];
}};

struct skyrack_cycle {{ /* of flight software */
    uint64_t tick;
    int64_t obt_ns; /* on-board time */
    uint32_t boot; /* another one than before: the computer was reset, what RAM held is lost */
    uint32_t reason; /* enum skyrack_boot_reason */
}};

struct skyrack_packet {{ /* of flight software: telecommand and telemetry; a space packet follows */
    uint64_t tick;
}};

#define SKYRACK_MAX_PACKET_BYTES {MAX_PACKET_BYTES}
"""


def c_header(design: str, forms: Sequence[DeviceForm], software: DeviceForm | None = None,
             places: Mapping[str, Sequence[str]] | None = None, words: str = "") -> str:  # fmt: skip
    """The header for these devices of a design, and for its flight software. `places`: names of the elements that
    orders are for, by kind of part; `words`: what `c_words` gives."""
    sizes = {"header": HEADER, "hello": HELLO, "tick": TICK, "order": ORDER, "bye": BYE, "cycle": CYCLE,
             "packet": PACKET}  # fmt: skip
    parts = [_COMMON, _enum("skyrack_kind", [(kind.name, int(kind), "") for kind in Kind], "SKYRACK")]
    parts += [_enum("skyrack_boot_reason", [(r.name, int(r), "") for r in BootReason], "SKYRACK_BOOT")]
    parts += [*_sizes(sizes), f"\n/* Devices of {design}. */\n"]
    for form in forms:
        parts += _device(form)
    if software is not None:
        parts += [f"\n/* Flight software of {design}: readings from Skyrack, orders for it. */\n", *_software(software)]
        for kind, names in (places or {}).items():
            members = [(name, place, "") for place, name in enumerate(names)]
            parts += ["\n", _enum(f"skyrack_{kind}", members, f"SKYRACK_{kind.upper()}")] if names else []
    return "".join([*parts, words, "\n#endif\n"])


def c_words(apids: Sequence[int], words: Dictionary) -> str:
    """The numbers of a dictionary of flight software, for the same header."""
    severity = {int(one): one.name.lower() for one in Severity}
    structures = [
        (s.name, s.id, f"service {s.service}, subtype {s.subtype}: {_typed(map(words.parameter.get, s.parameters))}")
        for s in words.structures
    ]
    events = [(e.name, e.id, f"{severity[e.severity]}: {_typed(e.arguments)}") for e in words.events]
    lines = [f"\n/* What flight software says and understands. */\n\n#define SKYRACK_APID {apids[0]}\n"]
    for form in words.telecommands:
        prefix = f"#define SKYRACK_TC_{_word(form.name).upper()}"
        lines.append(f"{prefix}_SERVICE {form.service} /* {_typed(form.arguments)} */\n")
        lines.append(f"{prefix}_SUBTYPE {form.subtype}\n")
        lines += [] if form.function is None else [f"{prefix}_FUNCTION {form.function}\n"]
    for kind, members in (("structure", structures), ("event", events)):
        lines += ["\n", _enum(f"skyrack_{kind}", members, f"SKYRACK_{kind.upper()}")] if members else []
    return "".join(lines)


def _typed(items: Iterable[Argument | Parameter | None]) -> str:
    return ", ".join(f"{one.name} {one.type}" for one in items if one is not None) or "nothing"


def _sizes(structs: dict[str, struct.Struct]) -> Iterator[str]:
    for name, layout in structs.items():
        yield f'_Static_assert(sizeof(struct skyrack_{name}) == {layout.size}, "size of {name}");\n'


def _software(form: DeviceForm) -> Iterator[str]:
    yield from _spoken(form)
    count = len(form.channels)
    yield "struct skyrack_fsw_values { /* reading; NaN where a device gave no number */\n"
    yield "    uint64_t tick;\n    double values[SKYRACK_FSW_CHANNELS];\n};\n"
    yield f'_Static_assert(sizeof(struct skyrack_fsw_values) == {8 * (1 + count)}, "size of fsw");\n'


def _spoken(form: DeviceForm) -> Iterator[str]:
    name, count, dictionary = _word(form.name), len(form.channels), dictionary_of(form)
    prefix = f"SKYRACK_{name.upper()}"
    octets = ", ".join(f"0x{octet:02x}" for octet in bytes.fromhex(dictionary))
    yield f"\n/* {form.name}: dictionary {dictionary}, {count} channels */\n"
    yield f"#define {prefix}_DICTIONARY {{{octets}}}\n#define {prefix}_CHANNELS {count}\n\n"
    yield _enum(f"skyrack_{name}_channel", [(c.name, i, _says(c)) for i, c in enumerate(form.channels)], prefix)
    says = dict(form.orders) if form.name == FLIGHT_SOFTWARE else {}
    orders = [(what, i, says.get(what, "")) for i, what in enumerate(orders_of(form))]
    yield _enum(f"skyrack_{name}_order", orders, f"{prefix}_ORDER")


def _device(form: DeviceForm) -> Iterator[str]:
    yield from _spoken(form)
    name, count, prefix = _word(form.name), len(form.channels), f"SKYRACK_{_word(form.name).upper()}"
    yield _enum(
        f"skyrack_{name}_measured", [(what, i, "") for i, what in enumerate(measured_of(form))], f"{prefix}_MEASURED"
    )
    yield f"struct skyrack_{name}_values {{ /* sample and reading */\n"
    yield f"    uint64_t tick;\n    double values[{prefix}_CHANNELS];\n}};\n"
    yield f'_Static_assert(sizeof(struct skyrack_{name}_values) == {8 * (1 + count)}, "size of {form.name}");\n'


def _says(channel: Channel) -> str:
    labels = f", {'/'.join(channel.labels)}" if channel.labels else ""
    own = "" if channel.source else "; the sample has no number (NaN)"
    return f"{channel.unit or '-'}{labels}: {channel.description}{own}".replace("*/", "* /")


def _enum(name: str, members: Sequence[tuple[str, int, str]], prefix: str) -> str:
    lines = [f"    {prefix}_{_word(m).upper()} = {i}," + (f" /* {says} */" if says else "") for m, i, says in members]
    return f"enum {name} {{\n" + "\n".join(lines) + "\n};\n\n"


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name)
