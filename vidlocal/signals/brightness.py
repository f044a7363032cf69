"""How bright a frame is, and how much its brightness varies."""

from vidlocal.signals.view import View


def measure(view: View) -> dict[str, float]:
    """`brightness`: mean luma, 0 (black) to 1 (white). `contrast`: how the 16 x 16 block means spread, 0 to 0.5."""
    grid = view.look.grid
    return {"brightness": round(float(grid.mean()) / 255, 3), "contrast": round(float(grid.std()) / 255, 3)}
