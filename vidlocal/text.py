"""Numbers in sentences."""


def counted(number: int, one: str, several: str = "") -> str:
    """`1 frame`, `1,234 frames`; `several` where an s alone does not make more of one."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {several or one + 's'}"
