"""One module per verb of the command line: options in, text out, exit status back. No logic of its own."""
