"""Videos with all their texts and frames, and edits of texts."""

from dataclasses import asdict, replace
from typing import Any

from vidlocal.app.video_details import SortKey, VideoStatus, read_details, select_videos, video_data, with_coverage
from vidlocal.errors import UsageError
from vidlocal.records import Passage, PassageKind, Video
from vidlocal.store.content import deleted_passages, frames, passages, speakers, videos
from vidlocal.store.database import Library
from vidlocal.web.errors import NotFound
from vidlocal.web.operations import Call


def get_video(library: Library, call: Call) -> Video:
    """Return the video of the path. Raises NotFound."""
    video = videos.get(library, call["video"])
    if video is None:
        raise NotFound(f"No video {call['video']}.")
    return video


def list_videos(library: Library, call: Call) -> object:
    """List the videos of the library."""
    status = VideoStatus(call["status"]) if call["status"] else None
    selected = select_videos(library, sort=SortKey(call["sort"]), status=status)
    shown = selected[call["offset"] : call["offset"] + call["limit"]]
    records: list[dict[str, Any]] = [video_data(video, coverage) for video, coverage in with_coverage(library, shown)]
    for record, video in zip(records, shown, strict=True):
        frame = frames.frame_at(library, video.id, video.duration / 3)
        record["frame"] = None if frame is None else frame.same_as or frame.id
        record["status"] = VideoStatus.of(video)
    return {"total": len(selected), "videos": records}


def show_video(library: Library, call: Call) -> object:
    """Show a video: properties, tags, chapters, all texts and all frames."""
    video = get_video(library, call)
    shown = passages.of_video(library, video.id)
    details = read_details(library, video)
    return {
        "video": (details if call.is_local else replace(details, people=())).as_data(),
        "passages": [asdict(passage) for passage in shown],
        "speakers": [
            {"id": speaker_id, "name": name, "person": person_id}
            for speaker_id, name, person_id in speakers.of_video(library, video.id)
        ],
        "frames": [[frame.id, round(frame.time, 3), frame.shot] for frame in frames.of_video(library, video.id)],
    }


def add_note(library: Library, call: Call) -> object:
    """Add a note at a time of a video."""
    video = get_video(library, call)
    start, end, frame_id = frames.sampled_span(library, video, min(call["time"], video.duration))
    note = Passage(start, end, PassageKind.NOTE, call["text"], engine=passages.BY_HAND, frame_id=frame_id)
    ids = passages.add(library, video.id, [note])
    if not ids:
        raise UsageError("The text is empty.")
    return _edited(library, call, ids[0], call.services.journal.record(ids[0], None))


def edit_passage(library: Library, call: Call) -> object:
    """Replace the text of a passage by your own; models never overwrite your text."""
    passage = _passage(library, call)
    if not call["text"].strip():
        raise UsageError("The text is empty.")
    before = deleted_passages.copy_rows(library, call["passage"])
    passages.rewrite(library, passage, call["text"])
    return _edited(library, call, call["passage"], call.services.journal.record(call["passage"], before))


def delete_passage(library: Library, call: Call) -> object:
    """Delete a passage."""
    passage = _passage(library, call)
    before = deleted_passages.copy_rows(library, call["passage"])
    passages.delete(library, passage)
    return _edited(library, call, call["passage"], call.services.journal.record(call["passage"], before))


def undo(library: Library, call: Call) -> object:
    """Undo an edit, addition or deletion of this session."""
    passage_id = call.services.journal.undo(library, call["edit"])
    return _edited(library, call, passage_id, None)


def _passage(library: Library, call: Call) -> Passage:
    passage = passages.get(library, call["passage"])
    if passage is None:
        raise NotFound(f"No passage {call['passage']}.")
    return passage


def _edited(library: Library, call: Call, passage_id: int, edit: int | None) -> object:
    passage = passages.get(library, passage_id)
    return {"passage": None if passage is None else asdict(passage), "id": passage_id, "edit": edit}
