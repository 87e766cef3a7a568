"""HTTP: the door in front of every server of ours, how it is served, how a client asks; not what is asked there."""
