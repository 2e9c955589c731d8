"""Money as Vietnamese people read it; amounts are whole VND everywhere."""


def vnd(amount: int) -> str:
    """1250000 → "1.250.000 ₫"."""
    return f"{amount:,}".replace(",", ".") + " ₫"
