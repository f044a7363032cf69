"""Captions are only shown once their model was seen to see, before them and after them.

Servers have dropped pictures without a word while the model went on inventing descriptions. So what is
described between two checks stays hidden from search, and is done again when the second one fails.
"""

from collections.abc import Callable

from vidlocal.enrich.runner.pool import Pool, Seat
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable
from vidlocal.records import JobKind
from vidlocal.store.content import frames, passages, sequences
from vidlocal.store.database import Library

# The minutes bound how long a new description stays hidden on a slow machine.
CHECK_AFTER = 500
CHECK_AFTER_S = 600.0

_KIND = JobKind.DESCRIBE


class Guard:
    """Checks the hosts of a pool now and then. With `guarded` false it does nothing."""

    def __init__(self, library: Library, pool: Pool, now: Callable[[], float], *, guarded: bool) -> None:
        self._library = library
        self._pool = pool
        self._now = now
        self._guarded = guarded
        self._described = 0
        self._checked_at = now()

    def begin(self) -> None:
        """The hosts were checked a moment ago. Show what their models left hidden when they were stopped.

        What another model left hidden, that is not here to be checked, is described again. A run that has no eyes
        itself judges nothing.
        """
        digests = self._digests()
        if digests:
            passages.reveal(self._library, digests)
            self._do_hidden_again()

    def count(self) -> None:
        """One more description of a frame or a strip was stored."""
        self._described += 1

    def due(self) -> bool:
        """Whether it is time to check, before more is described."""
        return self._guarded and (
            self._described >= CHECK_AFTER or (self._described > 0 and self._now() - self._checked_at >= CHECK_AFTER_S)
        )

    def look(self, *, at_the_end: bool = False) -> None:
        """Check when it is time, while nothing is in flight. A host that fails describes no more.

        Raises EngineError when it was the last one.
        """
        if not (self.due() or (at_the_end and self._guarded and self._described)):
            return
        seats = [seat for seat in self._pool.seats if seat.host.vision is not None and not seat.is_gone(_KIND)]
        verdicts = [self._sees(seat) for seat in seats]
        self._described, self._checked_at = 0, self._now()
        if False in verdicts:
            self._do_hidden_again()
        elif None not in verdicts:
            passages.reveal(self._library, self._digests())
        if seats and all(seat.is_gone(_KIND) for seat in seats):
            raise seats[0].gone[_KIND]

    def _sees(self, seat: Seat) -> bool | None:
        """Whether the model of a host sees. None when it does not answer now, which proves nothing."""
        try:
            reason = seat.host.check()
        except (EngineUnreachable, EngineBusy):
            return None
        except EngineError as error:
            reason = str(error)
        if reason:
            again = "What was described since the last check is done again."
            self._pool.dismiss(seat, _KIND, EngineError(f"{reason} {again}"))
            seat.gone[JobKind.WATCH] = seat.gone[_KIND]
        return not reason

    def _do_hidden_again(self) -> None:
        frames.describe_again(self._library, passages.hidden_frames(self._library))
        sequences.watch_hidden_again(self._library)

    def _digests(self) -> list[str]:
        return [host.vision.digest for host in self._pool.hosts if host.vision is not None]
