"""Flight software that is outside, as its spacecraft has it: what stands for it in the computer, and the packets
between its dictionary and the house. No sockets and no devices here."""
