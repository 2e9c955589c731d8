"""Proof: what a journey, a campaign or a variant caused, against those who did not get it (X11, U8)."""
