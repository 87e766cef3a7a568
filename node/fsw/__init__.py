"""Flight software: sees readings and on-board time, never truth."""
