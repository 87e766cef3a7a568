"""Services of ECSS-E-ST-70-41C, a page each: declarations, state and handlers together."""
