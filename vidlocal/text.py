"""Numbers in sentences."""


def pluralize(number: int, singular: str, plural: str = "") -> str:
    """`1 frame`, `1,234 frames`; `several` where an s alone does not make more of one."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {plural or singular + 's'}"
