"""Progress lines for tests."""


class RecordedLine:
    """A `ProgressLine` with recorded messages, or with the failure of a lost terminal."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone
        self.messages: list[str] = []

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        if self.gone:
            raise OSError(5, "Input/output error")

    def notify(self, message: str) -> None:
        if self.gone:
            raise OSError(5, "Input/output error")
        self.messages.append(message)
