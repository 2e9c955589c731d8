"""Tests of the laptop: clock, schedules, house, HTTP server, command line."""
