"""People: faces, names, merges, review. Only for this machine."""

from collections.abc import Sequence

from starlette.responses import Response

from vidlocal.app import identities
from vidlocal.app.engines.faces import FORBIDDEN, require_people
from vidlocal.app.people import CONSENT, Doubt, alike, as_data, doubtful, forget
from vidlocal.engines.faces.face_files import face_models
from vidlocal.errors import MediaError, SettingsError, VidlocalError
from vidlocal.export.face_pictures import face_picture
from vidlocal.export.thumbnail import encode_jpeg
from vidlocal.settings import Settings
from vidlocal.store.content import people, videos
from vidlocal.store.content.people import SeenFace
from vidlocal.store.database import Library
from vidlocal.web.api.videos import get_video
from vidlocal.web.errors import NotFound
from vidlocal.web.operations import Call

_MAX_PAIRS = 5
# Faces and people are deleted on request: no copy stays in the browser.
_NO_STORE = {"cache-control": "no-store"}


def list_people(library: Library, call: Call) -> dict[str, object]:
    """List the people, named people first, and the state of face recognition."""
    settings = call.services.load()
    listed = people.every(library, hidden=call["hidden"], limit=call["limit"])
    return {
        "is_allowed": settings.recognize_people,
        "has_consent": people.has_consent(library),
        "consent": " ".join(CONSENT.split()),
        "obstacle": _obstacle(library, settings),
        "people": [as_data(person) for person in listed],
        "hidden": people.count_hidden(library),
    }


def show_person(library: Library, call: Call) -> object:
    """Show a person with faces, the best pictures first."""
    person = people.get(library, _person(library, call["person"]))
    shown = people.faces(library, call["person"], limit=call["limit"], offset=call["offset"])
    return {"person": None if person is None else as_data(person), "faces": _with_titles(library, shown)}


def people_of_video(library: Library, call: Call) -> object:
    """List the visible people of a video with their spans, in seconds, and time on screen."""
    video = get_video(library, call)
    by_person: dict[int, list[SeenFace]] = {}
    for face in people.at(library, video.id, 0.0, video.duration):
        if face.person_id is not None:
            by_person.setdefault(face.person_id, []).append(face)
    persons = {person_id: people.get(library, person_id) for person_id in by_person}
    seen = [
        {
            "id": person.id,
            "name": person.name,
            "is_named": person.is_named,
            "face": max(by_person[person.id], key=lambda face: face.quality).id,
            "seconds": sum(face.end - face.start for face in by_person[person.id]),
            "spans": [[face.start, face.end] for face in by_person[person.id]],
        }
        for person in persons.values()
        if person is not None and not person.is_hidden
    ]
    return {"people": sorted(seen, key=lambda person: (not person["is_named"], -float(str(person["seconds"]))))}


def face_image(library: Library, call: Call) -> Response:
    """Send a face as a square JPEG."""
    face = people.face(library, call["face"])
    if face is None:
        raise NotFound(f"No face {call['face']}.")
    image = face_picture(library, face, side_px=call["width"])
    if image is None:
        raise MediaError(f"Frame {face.frame_id} cannot be read. Run: vidlocal check --repair")
    return Response(encode_jpeg(image), media_type="image/jpeg", headers=_NO_STORE)


def list_doubts(library: Library, call: Call) -> object:
    """List faces probably of a named person, and pairs of similar people, likeliest first."""
    return {
        "doubts": [_doubt(library, doubt) for doubt in doubtful(library, limit=call["limit"])],
        "alike": [_pair(library, *pair) for pair in alike(library, limit=_MAX_PAIRS)],
    }


def agree(library: Library, call: Call) -> object:
    """Agree to face recognition in this library, and start to search faces if the models are installed."""
    settings = call.services.load()
    if not settings.recognize_people:
        raise SettingsError(FORBIDDEN)
    people.give_consent(library)
    if _obstacle(library, settings) is None:
        call.services.commands.start("enrich", "--json", "--only", "people", "--all")
    return list_people(library, call)


def name_person(library: Library, call: Call) -> object:
    """Name a person, in all videos."""
    identities.rename(people, library, _person(library, call["person"]), call["name"])
    return list_people(library, call)


def merge_people(library: Library, call: Call) -> object:
    """Merge another person into a person."""
    identities.merge(people, library, _person(library, call["person"]), [_person(library, call["other"])])
    return list_people(library, call)


def tell_apart(library: Library, call: Call) -> object:
    """Note that two people are different, to stop proposing their merge."""
    person_id, other = _person(library, call["person"]), _person(library, call["other"])
    people.reject(library, person_id, people.track_ids(library, other))
    return list_people(library, call)


def hide_person(library: Library, call: Call) -> object:
    """Hide a person from lists, or show them again."""
    people.hide(library, [_person(library, call["person"])], hidden=call["hide"])
    return list_people(library, call)


def forget_person(library: Library, call: Call) -> object:
    """Delete a person and their faces, past searches, and what models wrote with the name. It cannot be undone."""
    forget(library, [_person(library, call["person"])])
    return list_people(library, call)


def forget_people(library: Library, call: Call) -> object:
    """Delete all people, all faces and the consent. It cannot be undone."""
    forget(library, None)
    return list_people(library, call)


def confirm_faces(library: Library, call: Call) -> object:
    """Give faces to a person by hand."""
    people.confirm(library, _person(library, call["person"]), call["tracks"])
    return list_people(library, call)


def reject_faces(library: Library, call: Call) -> object:
    """Reject faces as those of a person, for good."""
    people.reject(library, _person(library, call["person"]), call["tracks"])
    return list_people(library, call)


def undo_people(library: Library, call: Call) -> object:
    """Undo the last change of people."""
    undone = people.undo(library)
    return {"undone": undone, **list_people(library, call)}


def _obstacle(library: Library, settings: Settings) -> str | None:
    """Return the reason, in a sentence, if faces cannot be searched now."""
    try:
        require_people(library, settings)
        face_models(settings.models_folder)
    except VidlocalError as error:
        return str(error)
    return None


def _person(library: Library, person_id: int) -> int:
    """Return the id of an existing person. Raises NotFound."""
    if people.get(library, person_id) is None:
        raise NotFound(f"No person {person_id}.")
    return person_id


def _doubt(library: Library, doubt: Doubt) -> dict[str, object]:
    person = people.get(library, doubt.person_id)
    [face] = _with_titles(library, [doubt.face])
    return {
        "face": face,
        "person": None if person is None else as_data(person),
        "tracks": list(doubt.track_ids),
        "is_member": doubt.is_member,
        "cosine": round(doubt.cosine, 3),
    }


def _pair(library: Library, first: int, second: int, cosine: float) -> dict[str, object]:
    pair = [people.get(library, person_id) for person_id in (first, second)]
    return {"people": [as_data(person) for person in pair if person is not None], "cosine": round(cosine, 3)}


def _with_titles(library: Library, faces: Sequence[SeenFace]) -> list[dict[str, object]]:
    """Return faces with the titles of their videos as JSON data."""
    records = {video_id: videos.get(library, video_id) for video_id in {face.video_id for face in faces}}
    return [
        {
            "id": face.id,
            "track": face.track_id,
            "video": {"id": face.video_id, "title": "" if record is None else record.title},
            "time": face.time,
            "start": face.start,
            "end": face.end,
            "is_confirmed": face.is_confirmed,
        }
        for face in faces
        for record in (records[face.video_id],)
    ]
