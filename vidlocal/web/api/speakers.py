"""Speakers: names, merges and splits."""

from dataclasses import asdict

from vidlocal.app import identities
from vidlocal.app.speakers import alike, forget
from vidlocal.store.content import people, speakers
from vidlocal.store.content.speaking_people import likely_people
from vidlocal.store.database import Library
from vidlocal.store.index import people_names
from vidlocal.web.api.videos import get_video
from vidlocal.web.errors import NotFound
from vidlocal.web.operations import Call

_MAX_PAIRS = 10


def list_speakers(library: Library, call: Call) -> dict[str, object]:
    """List the speakers, named speakers first, pairs with similar voices, and probable people of speakers."""
    pairs = alike(library, limit=_MAX_PAIRS) if call.is_local else []
    likely = likely_people(library, limit=_MAX_PAIRS) if call.is_local else []
    names = people_names.names(library, {match.person_id for match in likely})
    return {
        "speakers": [asdict(speaker) for speaker in speakers.every(library)],
        "likely": [asdict(match) | {"person": names[match.person_id]} for match in likely],
        "alike": [{"speakers": [first, second], "cosine": round(cosine, 3)} for first, second, cosine in pairs],
    }


def name_speaker(library: Library, call: Call) -> object:
    """Name a speaker, in all videos."""
    identities.rename(speakers, library, _speaker(library, call["speaker"]), call["name"])
    return list_speakers(library, call)


def merge_speakers(library: Library, call: Call) -> object:
    """Merge another speaker into a speaker."""
    identities.merge(speakers, library, _speaker(library, call["speaker"]), [_speaker(library, call["other"])])
    return list_speakers(library, call)


def link_speaker(library: Library, call: Call) -> object:
    """Link a speaker to a person; without a person, unlink."""
    speaker_id, person_id = _speaker(library, call["speaker"]), call["person"]
    if person_id is not None and people.get(library, person_id) is None:
        raise NotFound(f"No person {person_id}.")
    speakers.link(library, speaker_id, person_id)
    identities.requeue_texts(speakers, library, speaker_id)
    return list_speakers(library, call)


def split_speaker(library: Library, call: Call) -> object:
    """Move the voices of a speaker in a video to a new speaker."""
    speakers.split(library, _speaker(library, call["speaker"]), get_video(library, call).id)
    return list_speakers(library, call)


def forget_speaker(library: Library, call: Call) -> object:
    """Delete a speaker, and past searches; what the speaker says stays. It cannot be undone."""
    forget(library, [_speaker(library, call["speaker"])])
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
