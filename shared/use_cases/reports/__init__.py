"""Reports: computed from the lake by the clock, served from the table."""
