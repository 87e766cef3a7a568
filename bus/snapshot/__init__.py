"""State as bytes: dataclasses packed and restored by their declaration. No files, no policy."""
