"""What crosses a process boundary, and the time it crosses at. Knows neither spacecraft, ground nor test bench."""
