"""The tree of all errors.

    VidlocalError            a message for the user, and the exit code of the command
    ├── UsageError           2  invalid arguments
    ├── MediaError           4  a file cannot be read
    ├── ToolError            5  a program or library is missing, crashed or timed out
    ├── EngineError          5  a model or its server failed
    │   ├── EngineUnreachable   no connection: wait; does not count as an attempt
    │   ├── EngineBusy          the server asks to retry later: back off; does not count as an attempt
    │   ├── ModelMissing        the server does not have the model
    │   └── AnswerRejected      unusable answer: counts as an attempt of an item
    ├── StoreError           6  library locked or too new, or disk full
    │   └── LibraryMissing      there is no library yet
    └── SettingsError        7  invalid setting

A message names the problem, the file or model, and the remedy.
"""


class VidlocalError(Exception):
    """Base of all errors the user can act on. `str()` is the message."""

    exit_code = 1


class UsageError(VidlocalError):
    exit_code = 2


class MediaError(VidlocalError):
    exit_code = 4


class ToolError(VidlocalError):
    exit_code = 5


class EngineError(VidlocalError):
    exit_code = 5


class EngineUnreachable(EngineError):
    """No connection to the server. Not the fault of the item."""


class EngineBusy(EngineError):
    """The server asks to retry later. Not the fault of the item. `retry_after` is in seconds, None if not given."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelMissing(EngineError):
    """Model not found on the server or in the models folder."""


class AnswerRejected(EngineError):
    """Unusable answer of a model. Counts as an attempt of the item."""


class StoreError(VidlocalError):
    exit_code = 6


class LibraryMissing(StoreError):
    """No library in the data directory, or not any more."""


class SettingsError(VidlocalError):
    exit_code = 7


class InvalidOption(SettingsError):
    """An option of a command with an invalid value for its setting."""

    exit_code = 2
