"""Services of all handlers: libraries, settings, pieces of film, background commands and the journal of edits."""

from collections.abc import Callable
from dataclasses import dataclass

from vidlocal.settings import Settings
from vidlocal.web.background import BackgroundCommands
from vidlocal.web.journal import EditJournal
from vidlocal.web.libraries import LibraryPool
from vidlocal.web.playback.pieces import PieceMaker
from vidlocal.web.playback.probes import StreamProber
from vidlocal.web.query_engines import QueryEngines
from vidlocal.web.status_feed import StatusFeed


@dataclass(frozen=True, slots=True)
class Services:
    """Services of a running server. `load` reads the settings in effect; `read_only`: nothing may be changed."""

    load: Callable[[], Settings]
    libraries: LibraryPool
    engines: QueryEngines
    prober: StreamProber
    pieces: PieceMaker
    commands: BackgroundCommands
    journal: EditJournal
    status: StatusFeed
    read_only: bool = False

    def close(self) -> None:
        """End threads and child processes."""
        self.commands.close()
        self.pieces.close()
        self.prober.close()
        self.engines.close()
        self.libraries.close()
