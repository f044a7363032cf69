"""The JSON API below /api/v1: the table of all operations."""

from collections.abc import Callable, Sequence
from typing import Any

from vidlocal.app.video_details import SortKey, VideoStatus
from vidlocal.web.api import ask, clips, media, people, search, settings, speakers, status, videos
from vidlocal.web.operations import Method, Operation, Parameter
from vidlocal.web.playback.sources import SourceKind

_QUERY = Parameter("q", "string", "A query, with filters as in `vidlocal help query`.", required=True)
_LIMIT = Parameter("limit", "integer", "Maximum number.", default=50, minimum=1, maximum=1000)
_TEXT = Parameter("text", "string", "The text.", required=True)
_TIME = Parameter("time", "number", "Seconds from the start of the video.", required=True, maximum=1e9)
_START = Parameter("start", "number", "Seconds from the start of the video.", required=True, maximum=1e9)
_END = Parameter("end", "number", "Seconds from the start of the video.", required=True, maximum=1e9)
_VIDEO = Parameter("video", "integer", "Id of a video, to work on this one only.", minimum=1)
_NAME = Parameter("name", "string", "The name.", required=True)
_TRACKS = Parameter("tracks", "integers", "Ids of the tracks of the faces.", required=True)
_HIDDEN = Parameter("hidden", "boolean", "Also the hidden people.", default=False)
_MAX_PEOPLE = Parameter("limit", "integer", "Maximum number.", default=500, minimum=1, maximum=10_000)
_PATH = Parameter("path", "string", "Absolute path of a file or folder on this machine.", required=True)

_PEOPLE_CHANGES: Sequence[tuple[Method, str, Callable[..., Any], Sequence[Parameter]]] = (
    ("POST", "/people/consent", people.agree, ()),
    ("POST", "/people/undo", people.undo_people, ()),
    ("PATCH", "/people/{person}", people.name_person, (_NAME,)),
    ("DELETE", "/people/{person}", people.forget_person, ()),
    ("DELETE", "/people", people.forget_people, ()),
    (
        "POST",
        "/people/{person}/merge",
        people.merge_people,
        (Parameter("other", "integer", "The person to merge into this one.", required=True, minimum=1),),
    ),
    (
        "POST",
        "/people/{person}/apart",
        people.tell_apart,
        (Parameter("other", "integer", "The other person.", required=True, minimum=1),),
    ),
    (
        "POST",
        "/people/{person}/hide",
        people.hide_person,
        (Parameter("hide", "boolean", "False to show the person again.", default=True),),
    ),
    ("POST", "/people/{person}/confirm", people.confirm_faces, (_TRACKS,)),
    ("POST", "/people/{person}/reject", people.reject_faces, (_TRACKS,)),
)

OPERATIONS = (
    Operation(
        "GET",
        "/search",
        search.search,
        query=(
            _QUERY,
            _LIMIT,
            Parameter("fast", "boolean", "By words only, without any model.", default=False),
        ),
    ),
    Operation("POST", "/searches", search.record_search, body=(_QUERY,), changes=True),
    Operation(
        "GET",
        "/suggestions",
        search.suggest,
        query=(Parameter("q", "string", "The word at the cursor.", default=""), _LIMIT),
    ),
    Operation(
        "GET",
        "/similar",
        search.similar,
        query=(Parameter("to", "string", "VIDEO@TIME or VIDEO.", required=True), _LIMIT),
    ),
    Operation(
        "GET",
        "/videos",
        videos.list_videos,
        query=(
            Parameter("sort", "string", "Order.", default="added", choices=tuple(SortKey)),
            Parameter("status", "string", "Only videos with this status.", choices=tuple(VideoStatus)),
            Parameter("offset", "integer", "Number of videos to skip.", default=0),
            _LIMIT,
        ),
    ),
    Operation("GET", "/videos/{video}", videos.show_video),
    Operation("GET", "/videos/{video}/playback", media.playback),
    Operation("GET", "/videos/{video}/file", media.film, media_type="video/*"),
    Operation(
        "GET",
        "/videos/{video}/piece.mp4",
        media.piece,
        query=(
            _START,
            _END,
            Parameter(
                "kind", "string", "A kind of source of `playback`.", required=True, choices=tuple(SourceKind)[1:]
            ),
        ),
        media_type="video/mp4",
    ),
    Operation(
        "GET",
        "/videos/{video}/track.vtt",
        media.track,
        query=(Parameter("kind", "string", "Texts of the track.", required=True, choices=(*media.TRACKS, "chapters")),),
        media_type="text/vtt",
    ),
    Operation(
        "GET",
        "/videos/{video}/subtitles",
        media.subtitles,
        query=(Parameter("format", "string", "File format.", default="srt", choices=("srt", "vtt", "txt")),),
        media_type="text/plain",
    ),
    Operation("GET", "/videos/{video}/people", people.people_of_video, local_only=True),
    Operation("POST", "/videos/{video}/notes", videos.add_note, body=(_TIME, _TEXT), changes=True),
    Operation(
        "POST",
        "/videos/{video}/clips",
        clips.cut_clip,
        body=(
            _START,
            _END,
            Parameter("exact", "boolean", "Cut at the exact frames, re-encoded.", default=False),
        ),
        changes=True,
    ),
    Operation(
        "GET",
        "/clips",
        clips.download_clip,
        query=(Parameter("name", "string", "Name of the file.", required=True),),
        media_type="video/*",
    ),
    Operation("POST", "/videos/{video}/player", clips.open_player, body=(_TIME,), changes=True, local_only=True),
    Operation(
        "GET",
        "/frames/{frame}",
        media.frame_image,
        query=(Parameter("width", "integer", "Longest side in pixels.", minimum=16, maximum=2048),),
        media_type="image/jpeg",
    ),
    Operation("PATCH", "/passages/{passage}", videos.edit_passage, body=(_TEXT,), changes=True),
    Operation("DELETE", "/passages/{passage}", videos.delete_passage, changes=True),
    Operation("POST", "/edits/{edit}/undo", videos.undo, changes=True),
    Operation("GET", "/speakers", speakers.list_speakers),
    Operation("PATCH", "/speakers/{speaker}", speakers.name_speaker, body=(_NAME,), changes=True, local_only=True),
    Operation(
        "POST",
        "/speakers/{speaker}/merge",
        speakers.merge_speakers,
        body=(Parameter("other", "integer", "The speaker to merge into this one.", required=True, minimum=1),),
        changes=True,
        local_only=True,
    ),
    Operation(
        "POST",
        "/speakers/{speaker}/split",
        speakers.split_speaker,
        body=(Parameter("video", "integer", "The video with another speaker.", required=True, minimum=1),),
        changes=True,
        local_only=True,
    ),
    Operation(
        "POST",
        "/speakers/{speaker}/link",
        speakers.link_speaker,
        body=(Parameter("person", "integer", "The person who the speaker is; none to unlink.", minimum=1),),
        changes=True,
        local_only=True,
    ),
    Operation("DELETE", "/speakers/{speaker}", speakers.forget_speaker, changes=True, local_only=True),
    Operation("POST", "/speakers/undo", speakers.undo_speakers, changes=True, local_only=True),
    Operation("GET", "/people", people.list_people, query=(_HIDDEN, _MAX_PEOPLE), local_only=True),
    Operation(
        "GET",
        "/people/{person}",
        people.show_person,
        query=(Parameter("offset", "integer", "Number of faces to skip.", default=0), _LIMIT),
        local_only=True,
    ),
    Operation(
        "GET",
        "/faces/{face}",
        people.face_image,
        query=(Parameter("width", "integer", "Side in pixels.", default=160, minimum=16, maximum=512),),
        local_only=True,
        media_type="image/jpeg",
    ),
    Operation("GET", "/doubts", people.list_doubts, query=(_LIMIT,), local_only=True),
    *(
        Operation(method, path, handler, body=(*body, _HIDDEN, _MAX_PEOPLE), changes=True, local_only=True)
        for method, path, handler, body in _PEOPLE_CHANGES
    ),
    Operation(
        "POST",
        "/ask",
        ask.ask,
        body=(Parameter("question", "string", "The question.", required=True),),
        media_type="application/x-ndjson",
    ),
    Operation("GET", "/status", status.status),
    Operation("GET", "/events", status.events, media_type="text/event-stream"),
    Operation("GET", "/plan", status.plan),
    Operation(
        "GET",
        "/reports",
        status.reports,
        query=(Parameter("limit", "integer", "Maximum number.", default=10, minimum=1, maximum=100),),
    ),
    Operation("POST", "/pause", status.pause, changes=True),
    Operation("POST", "/resume", status.resume, changes=True),
    Operation("POST", "/failures/retry", status.retry, body=(_VIDEO,), changes=True),
    Operation("GET", "/commands", status.list_commands),
    Operation(
        "POST",
        "/commands/enrich",
        status.start_enrich,
        body=(
            _VIDEO,
            Parameter("hours", "number", "Stop after this many hours.", minimum=0.01, maximum=1000),
            Parameter("budget", "integer", "Caption at most this many frames per video.", minimum=1, maximum=50),
            Parameter("overnight", "boolean", "Work in the night window only.", default=False),
        ),
        changes=True,
    ),
    Operation("POST", "/commands/ingest", status.start_ingest, body=(_PATH,), changes=True, local_only=True),
    Operation("POST", "/commands/watch", status.start_watch, body=(_PATH,), changes=True, local_only=True),
    Operation("POST", "/commands/{command}/stop", status.stop_command, changes=True),
    Operation(
        "GET",
        "/folders",
        status.browse,
        query=(Parameter("path", "string", "Absolute path of a folder on this machine."),),
        changes=True,
        local_only=True,
    ),
    Operation("GET", "/settings", settings.list_settings),
    Operation(
        "PATCH",
        "/settings",
        settings.change_setting,
        body=(
            Parameter("name", "string", "Name of the setting.", required=True),
            Parameter("value", "string", "The new value, as text.", required=True),
        ),
        changes=True,
        local_only=True,
    ),
    Operation("GET", "/servers", status.servers),
    Operation("GET", "/doctor", status.doctor),
)
