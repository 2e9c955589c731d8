"""Reports: figures with their numerator, denominator, formula and unit (K1-K18)."""
