"""Truth: orbit, power, heat, radiation, compute, attitude and link. Knows nothing of flight software."""

# The first thing of the plant that is imported, so that numba learns where its cache is before it looks for one.
from node.plant import cache

cache.point_numba()
