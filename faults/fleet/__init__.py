"""A constellation in one array program: read, flown on all cores, laid down as tables and one offline page."""
