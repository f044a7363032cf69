"""Progress lines for tests."""

from vidlocal.cli.ui.progress import Line


class Heard(Line):
    """A line of progress that remembers, or that breaks as a terminal that is gone does."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone
        self.said: list[str] = []

    def at(self, what: str, done: float | None, *, eta: float | None = None, detail: str = "") -> None:
        if self.gone:
            raise OSError(5, "Input/output error")

    def say(self, sentence: str) -> None:
        if self.gone:
            raise OSError(5, "Input/output error")
        self.said.append(sentence)
