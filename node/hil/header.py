"""The fixed layout as a C header: structs, numbers of channels and orders, and the hash of each device's dictionary."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence

from node.devices.device import Channel, DeviceForm
from node.hil.frames import CRC, FIXED, HEADER, MAGIC, MAX_PAYLOAD_BYTES, VERSION
from node.hil.language import ANSWERS_TICKS, BYE, HELLO, ORDER, TICK, Kind, dictionary_of, measured_of, orders_of

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
"""


def c_header(design: str, forms: Sequence[DeviceForm]) -> str:
    """The header for these devices of a design."""
    sizes = {"header": HEADER, "hello": HELLO, "tick": TICK, "order": ORDER, "bye": BYE}
    parts = [_COMMON, _enum("skyrack_kind", [(kind.name, int(kind), "") for kind in Kind], "SKYRACK")]
    parts += [*_sizes(sizes), f"\n/* Devices of {design}. */\n"]
    for form in forms:
        parts += _device(form)
    return "".join([*parts, "\n#endif\n"])


def _sizes(structs: dict[str, struct.Struct]) -> Iterator[str]:
    for name, layout in structs.items():
        yield f'_Static_assert(sizeof(struct skyrack_{name}) == {layout.size}, "size of {name}");\n'


def _device(form: DeviceForm) -> Iterator[str]:
    name, count, dictionary = _word(form.name), len(form.channels), dictionary_of(form)
    prefix = f"SKYRACK_{name.upper()}"
    octets = ", ".join(f"0x{octet:02x}" for octet in bytes.fromhex(dictionary))
    yield f"\n/* {form.name}: dictionary {dictionary}, {count} channels */\n"
    yield f"#define {prefix}_DICTIONARY {{{octets}}}\n#define {prefix}_CHANNELS {count}\n\n"
    yield _enum(f"skyrack_{name}_channel", [(c.name, i, _says(c)) for i, c in enumerate(form.channels)], prefix)
    yield _enum(f"skyrack_{name}_order", [(what, i, "") for i, what in enumerate(orders_of(form))], f"{prefix}_ORDER")
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
