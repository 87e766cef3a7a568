"""The operator's console: screens in a terminal over the ground's API, and nothing that the API does not tell."""
