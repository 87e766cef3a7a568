"""The seam to what is outside: the wire protocol of devices that are boards or other programs, the gateway that talks
to them, and the mailboxes that stand for them on board. The only place of the node where sockets may be."""
