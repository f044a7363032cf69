"""Everything that can go wrong, as one short tree.

    VidlocalError            a message for a person, and the exit code of the command
    ├── UsageError           2  the words of the command do not fit
    ├── MediaError           4  a file that cannot be read, with its reason
    ├── ToolError            5  a program or library we need is missing, crashed or took too long
    ├── EngineError          5  a model or its server
    │   ├── EngineUnreachable   nobody answers: wait for it, nothing is charged
    │   ├── EngineBusy          it answers "not now": back off, nothing is charged
    │   ├── ModelMissing        the server does not have the model
    │   └── AnswerRejected      this answer is of no use: one attempt of this one item
    ├── StoreError           6  library missing, locked, too new, or the disk is full
    └── SettingsError        7  a setting that makes no sense

A message says what failed, on which file or model, and what to do next.
"""


class VidlocalError(Exception):
    """A failure that a person can act on. `str()` is one clear sentence."""

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
    """Nobody answers at the address: the item is not to blame."""


class EngineBusy(EngineError):
    """The server asks us to come back later: the item is not to blame. `retry_after` is in seconds, if it said."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelMissing(EngineError):
    """The server, or the models folder, does not have this model."""


class AnswerRejected(EngineError):
    """The model answered something unusable: charged to this one item."""


class StoreError(VidlocalError):
    exit_code = 6


class SettingsError(VidlocalError):
    exit_code = 7
