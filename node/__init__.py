"""One spacecraft:
plant, devices, flight software, and the step that binds them. Never imports ground or test bench."""
