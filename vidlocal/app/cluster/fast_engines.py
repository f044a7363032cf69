"""Engines of the fast pass on the machines of a cluster."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from vidlocal.app.cluster.local_engines import ocr_identity
from vidlocal.app.cluster.shared_files import decoder_identity
from vidlocal.cluster.engine_pool import EnginePool
from vidlocal.cluster.remote_fast_engines import RemoteClip, RemoteDiarizer, RemoteOcr, RemoteSpeech
from vidlocal.enrich.workers.fast_pass import FastEngines
from vidlocal.media.probe.prober import Prober
from vidlocal.records import JobKind
from vidlocal.text import model_key

_ROLES = {
    JobKind.READ: "ocr",
    JobKind.TRANSCRIBE: "speech",
    JobKind.SPEAKERS: "speakers",
    JobKind.PICTURES: "pictures",
}

# Videos read at the same time, and library connections for it.
_MAX_LANES = 32


@dataclass(frozen=True, slots=True)
class ClusterFastEngines:
    """Engines of `pools` by role, for the lanes of the fast pass. `local`: the engines of this machine."""

    pools: Callable[[], Mapping[str, EnginePool]]
    local: FastEngines

    def lanes(self) -> Mapping[JobKind, int]:
        """Return the number of lanes per kind. OCR has one per machine, reading frames ahead.

        Speakers have none if only this machine transcribes: the speech engine, which is not thread-safe, chooses the
        audio track.
        """
        lanes: dict[JobKind, int] = {}
        pools = dict(self.pools())
        is_local_speech = "speech" not in pools and self.local.speech is not None
        for kind, role in _ROLES.items():
            if role in pools and not (kind is JobKind.SPEAKERS and is_local_speech):
                pool = pools[role]
                lanes[kind] = min(_MAX_LANES, pool.machines if kind is JobKind.READ else pool.slots)
        return lanes

    @contextmanager
    def open(self, kind: JobKind) -> Iterator[FastEngines]:
        """Open the engines of a lane."""
        pools = self.pools()
        pool = pools[_ROLES[kind]]
        if kind is JobKind.READ:
            reader = RemoteOcr(pool)
            try:
                yield replace(self.local, ocr=reader, ocr_ahead=pool.slots)
            finally:
                reader.close()
        elif kind is JobKind.PICTURES:
            yield replace(self.local, pictures=RemoteClip(pool))
        else:
            speech = RemoteSpeech(pools["speech"]) if "speech" in pools else None
            speakers = RemoteDiarizer(pool) if kind is JobKind.SPEAKERS else None
            with Prober() as prober:
                yield replace(self.local, prober=prober, speech=speech, speakers=speakers)


def fast_identities(local: FastEngines) -> dict[str, set[str]]:
    """Return the builds of the engines of this machine by role."""
    identities = {"ocr": {ocr_identity()}, "files": {decoder_identity(local.ffmpeg)}}
    if local.pictures is not None:
        identities["pictures"] = {local.pictures.key}
    if local.speech is not None:
        identities["speech"] = {model_key(local.speech.name, local.speech.digest)}
    if local.speakers is not None:
        identities["speakers"] = {local.speakers.key}
    return identities
