"""Reference satellites as files, and the way from a file to what plant and flight software are configured with."""
