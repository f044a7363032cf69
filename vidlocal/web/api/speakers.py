"""Who speaks: the speakers of the library, their names, merges and splits."""

from dataclasses import asdict

from vidlocal.app.speakers import alike, requeue_summaries
from vidlocal.store.content import speakers
from vidlocal.store.database import Library
from vidlocal.web.api.videos import get_video
from vidlocal.web.errors import NotFound
from vidlocal.web.operations import Call

_MAX_PAIRS = 10


def list_speakers(library: Library, call: Call) -> dict[str, object]:
    """List the speakers, those with names first, and pairs that sound alike."""
    pairs = alike(library, limit=_MAX_PAIRS) if call.is_local else []
    return {
        "speakers": [asdict(speaker) for speaker in speakers.every(library)],
        "alike": [{"speakers": [first, second], "cosine": round(cosine, 3)} for first, second, cosine in pairs],
    }


def name_speaker(library: Library, call: Call) -> object:
    """Name a speaker, in all videos."""
    speaker_id = _speaker(library, call["speaker"])
    speakers.rename(library, speaker_id, call["name"])
    requeue_summaries(library, speaker_id)
    return list_speakers(library, call)


def merge_speakers(library: Library, call: Call) -> object:
    """Merge another speaker into a speaker: they are the same."""
    speaker_id, other = _speaker(library, call["speaker"]), _speaker(library, call["other"])
    speakers.merge(library, speaker_id, [other])
    requeue_summaries(library, speaker_id)
    return list_speakers(library, call)


def split_speaker(library: Library, call: Call) -> object:
    """Make a speaker in one video a speaker of their own."""
    speakers.split(library, _speaker(library, call["speaker"]), get_video(library, call).id)
    return list_speakers(library, call)


def undo_speakers(library: Library, call: Call) -> object:
    """Undo the last name, merge or split of a speaker."""
    undone = speakers.undo(library)
    return {"undone": undone, **list_speakers(library, call)}


def _speaker(library: Library, speaker_id: int) -> int:
    """Return the id of an existing speaker. Raises NotFound."""
    if all(speaker.id != speaker_id for speaker in speakers.every(library)):
        raise NotFound(f"No speaker {speaker_id}.")
    return speaker_id
