"""A run as an object that tests and notebooks hold in their hands, in virtual time and in one process; and the pytest
plugin made of it."""
