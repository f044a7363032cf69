"""Numbers in sentences."""


def pluralize(number: int, singular: str, plural: str = "") -> str:
    """`1 frame`, `1,234 frames`. `plural` defaults to `singular` + s."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {plural or singular + 's'}"
