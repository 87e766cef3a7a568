"""New words into the memory image, with a look before and after, and the old words kept for the way back."""

from __future__ import annotations

from binascii import crc_hqx

from groundstation.procedures.declaration import like, procedure
from groundstation.procedures.words import ask, check, command, contact, note

DIGITS = 16
MOST_WORDS = 15
"""Words of one patch: what is dumped fits into a line of the log."""


@procedure("memory-patch", address=like("memory.load", "address"), data=like("memory.load", "data"))
async def memory_patch(address: int, data: str) -> None:
    """Dump some words of the memory image, load others in their place, and see by checksum and by a second dump that
    they are there.

    Where they are not, it asks whether to load again, put the old words back, or leave it; nobody's answer within
    30 min puts them back. What is loaded holds until the next reboot.
    """
    data = data.lower()
    words = len(data) // DIGITS
    check(data.strip("0123456789abcdef") == "" and len(data) == words * DIGITS, "the data are words of 16 digits")
    check(1 <= words <= MOST_WORDS, f"{words} words, of at most {MOST_WORDS}")
    await contact()
    before = await command("memory.dump", address=address, length=words)
    note(f"before: {before}")
    wanted, answer = data, "again"
    while answer != "leave":
        crc = crc_hqx(bytes.fromhex(wanted), 0xFFFF)
        await command("memory.load", confirmed=True, address=address, crc=crc, data=wanted)
        found = await command("memory.check", address=address, length=words)
        after = await command("memory.dump", address=address, length=words)
        if (found, after) == (crc, wanted):
            break
        note(f"after: {after}")
        nobody = "leave" if answer == "restore" else "restore"
        question = f"Checksum {found} instead of {crc}: load again, put the old words back, or leave it?"
        answer = await ask(question, "again", "restore", "leave").within("30 min", otherwise=nobody)
        wanted = before if answer == "restore" else data
    check(wanted == data and answer != "leave", "the patch is in place")
