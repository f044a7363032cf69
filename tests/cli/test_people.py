"""People in commands: consent, list, names, merges, faces on a sheet, and forgetting."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.support.commands import Run
from tests.support.face_squares import ANNA, EVE, LEFT, RIGHT, TOM, Placed, add_film, find, picture, place
from tests.support.terminal import on_terminal
from vidlocal.app.engines.faces import queue_unseen
from vidlocal.app.export.sidecars import plan_sidecars
from vidlocal.engines.faces.face_files import face_models
from vidlocal.engines.faces.finder import FaceFinder
from vidlocal.records import JobKind, JobState, Passage, PassageKind
from vidlocal.settings import load
from vidlocal.settings.sidecar_formats import SidecarFormat
from vidlocal.store.content import face_tracks, passages, people, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

PARTY: list[list[Placed]] = [[(ANNA, *LEFT)], [(ANNA, *LEFT), (TOM, *RIGHT)], [(TOM, *RIGHT)]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with Anna and Tom in one film, Anna and Eve in another."""
    folder = tmp_path_factory.mktemp("people")
    with (
        Library.open(folder / "home", create=True) as library,
        FaceFinder(face_models(place(folder / "models"))) as engine,
    ):
        find(library, engine, add_film(library, "party", PARTY))
        find(library, engine, add_film(library, "garden", [[(EVE, *LEFT)], [(ANNA, *RIGHT)]]))
        people.give_consent(library)
    return folder / "home"


@pytest.fixture
def films(template: Path, tmp_path: Path) -> Path:
    """A copy of the library. Returns the home folder."""
    return shutil.copytree(template, tmp_path / "home")


def rows(run: Run, *words: str) -> list[list[str]]:
    result = run("people", *words)
    assert result.exit_code == 0, result.output
    return [line.split("\t") for line in result.stdout.splitlines()]


def test_no_face_is_searched_before_the_user_agrees(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Library
) -> None:
    monkeypatch.setenv("VIDLOCAL_MODELS", str(place(tmp_path / "models")))
    add_film(library, "party", [[(ANNA, *LEFT)]])
    assert "vidlocal people start" in run("people").stderr
    refused = run("enrich", "--only", "people")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "Faces are not searched in this library before you agree. Run: vidlocal people start\n",
    )
    queue_unseen(library, load())
    assert JobKind.PEOPLE not in {kind for kind, _ in jobs.counts(library)}
    asked = run("people", "start", input="\n")
    assert (asked.exit_code, asked.stdout) == (0, "")
    assert "GDPR" in asked.stderr
    assert "Nothing was changed." in asked.stderr
    assert library.number("SELECT count(*) FROM faces") == 0
    assert "GDPR" in run("people", "start", "--yes").stderr
    assert "GDPR" not in run("people", "start").stderr
    assert run("enrich", "--only", "people").exit_code == 0
    assert [row[:3] for row in rows(run)] == [["1", "", "1"]]


def test_a_setting_forbids_it_even_with_consent(run: Run, library: Library) -> None:
    people.give_consent(library)
    assert run("config", "recognize_people", "false").exit_code == 0
    for words in (("people", "start"), ("enrich", "--only", "people")):
        result = run(*words)
        assert result.exit_code == 7
        assert result.stderr.startswith("Faces are not searched: recognize_people is false.")
    check = next(check for check in json.loads(run("doctor", "--json").stdout) if check["part"] == "people")
    assert check["result"] == "forbidden by recognize_people"


def test_people_are_listed_with_their_time_on_screen(run: Run, films: Path) -> None:
    assert rows(run) == [["1", "", "2", "2", "6"], ["2", "", "1", "1", "4"], ["3", "", "1", "1", "2"]]
    listed = json.loads(run("people", "--json").stdout)
    assert [(person["id"], person["name"], person["is_named"]) for person in listed["people"]] == [
        (1, "Person 1", False),
        (2, "Person 2", False),
        (3, "Person 3", False),
    ]
    assert listed["people"][0]["best"]["frame_id"] == 1
    shown = run("people", "show", "1")
    assert shown.stdout.splitlines() == [
        "/films/party.mp4\t0:00:00.0\t0:00:04.0",
        "/films/garden.mp4\t0:00:02.0\t0:00:04.0",
    ]


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_the_list_fits_every_terminal(run: Run, films: Path, columns: int) -> None:
    run("people", "name", "1", "Aunt Anna of the garden")
    lines = on_terminal(columns, "people", home=films)
    assert max(map(len, lines)) <= columns
    assert "Anna" in " ".join(lines)


def test_a_person_is_named_merged_split_hidden_and_all_is_undone(run: Run, films: Path) -> None:
    before = rows(run)
    assert run("people", "name", "1", "Aunt", "Anna").stderr == "Person 1 is Aunt Anna.\n"
    assert run("people", "merge", "anna", "3").stderr.startswith("Merged into person 1.")
    assert rows(run)[0] == ["1", "Aunt Anna", "2", "3", "8"]
    assert run("people", "split", "anna", "garden").stderr == "The face in this video is person 4 now.\n"
    assert run("people", "not", "1", "party@0:03").stderr.startswith("The face is person 5 now.")
    assert run("people", "hide", "4", "2").stderr == "2 people hidden.\n"
    assert [row[0] for row in rows(run)] == ["5"]
    assert [row[0] for row in rows(run, "--all")] == ["4", "2", "5"]
    for _ in range(5):
        assert run("people", "undo").stderr == "Undone.\n"
    assert rows(run) == before
    assert run("people", "undo").stderr == "Nothing to undo.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dance",), "dance: not understood. Use: start, show NUMBER"),
        (("name", "3"), "name 3: not understood"),
        (("merge", "1"), "merge 1: not understood"),
        (("start", "1"), "1: not understood"),
        (("show",), "Name one person"),
        (("name", "9", "Anna"), "No person '9'. Run: vidlocal people"),
        (("name", "1", "77"), "77: a number is no name"),
        (("split", "2", "party"), "Person 2 is in no other video. Nothing was split."),
        (("not", "2", "party@0:01"), "Person 2 is not seen there."),
        (("forget",), "Name the people to forget, or use --all."),
        (("name", "1", "Anna", "--all"), "--all goes with forget"),
    ],
)
def test_wrong_words_are_explained(run: Run, films: Path, words: tuple[str, ...], message: str) -> None:
    result = run("people", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_faces_are_drawn_on_a_sheet(run: Run, films: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "people.jpg"
    assert run("people", "--output", str(sheet)).exit_code == 0
    with Image.open(sheet) as image:
        assert image.size == (3 * 160, 184)
        colours = [image.convert("RGB").getpixel((160 * number + 80, 120)) for number in range(3)]
    for (red, green), drawn in zip((ANNA, TOM, EVE), colours, strict=True):
        assert isinstance(drawn, tuple)
        assert drawn[:2] == pytest.approx((red, green), abs=12)
    assert "already exists" in run("people", "--output", str(sheet)).stderr


def test_people_are_forgotten_without_a_trace(run: Run, films: Path) -> None:
    run("people", "name", "1", "Wilhelmina")
    with Library.open(films) as library:
        vector = bytes(library.rows("SELECT vector FROM face_tracks WHERE person_id = 1")[0]["vector"])
        other = bytes(library.rows("SELECT vector FROM face_tracks WHERE person_id = 2")[0]["vector"])
    assert vector in all_bytes(films)
    kept = run("people", "forget", "wilhelmina", input="n\n")
    assert (kept.exit_code, kept.stderr.endswith("Kept 1 person.\n")) == (0, True)
    assert run("people", "forget", "wilhelmina", "--yes").stderr == "Forgot 1 person.\n"
    assert vector not in all_bytes(films)
    assert b"Wilhelmina" not in all_bytes(films)
    assert other in all_bytes(films)
    assert run("people", "forget", "--all", "--yes").stderr.startswith("Forgot 2 people.\nFaces are not searched")
    assert other not in all_bytes(films)
    assert "vidlocal people start" in run("people").stderr


def all_bytes(home: Path) -> bytes:
    """Bytes of the library file and of SQLite's files beside it."""
    return b"".join(path.read_bytes() for path in sorted(home.glob("library.db*")))


def test_show_tells_the_time_on_screen_of_each_person(run: Run, films: Path) -> None:
    run("people", "name", "1", "Anna")
    run("people", "name", "2", "Tom")
    details = json.loads(run("show", "party", "--json").stdout)["video"]
    assert details["people"] == [{"name": "Anna", "seconds": 4.0}, {"name": "Tom", "seconds": 4.0}]
    shown = " ".join(on_terminal(100, "show", "party", home=films))
    assert "Anna 4 s, Tom 4 s" in shown


def test_results_tell_who_is_seen(run: Run, films: Path) -> None:
    run("people", "name", "1", "Anna")
    found = json.loads(run("search", "person:anna", "--json").stdout)["moments"]
    assert [(moment["text"], moment["people"]) for moment in found] == [("Anna", ["Anna"])] * 2


def test_faces_like_one_in_a_moment_are_found(run: Run, films: Path) -> None:
    run("people", "name", "1", "Anna")
    found = run("similar", "party@0:01", "--face")
    assert [line.split("\t")[:3] for line in found.stdout.splitlines()] == [
        ["/films/garden.mp4", "0:00:02.0", "0:00:04.0"]
    ]
    assert run("similar", "garden@0:01", "--face").stderr == "No similar faces found.\n"
    run("people", "forget", "2", "--yes")
    assert "no face that can be compared" in run("similar", "party@0:05", "--face").stderr


def test_faces_like_one_in_an_image_are_found(
    run: Run, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_MODELS", str(place(tmp_path / "models")))
    # Larger photos are scaled down, and their squares with them.
    picture([(TOM, *LEFT)]).crop((0, 0, 640, 360)).save(tmp_path / "tom.jpg")
    picture([]).save(tmp_path / "none.jpg")
    found = run("similar", "--image", str(tmp_path / "tom.jpg"), "--face")
    assert [line.split("\t")[:2] for line in found.stdout.splitlines()] == [["/films/party.mp4", "0:00:02.0"]]
    assert (
        "none.jpg: no face that can be compared."
        in run("similar", "--image", str(tmp_path / "none.jpg"), "--face").stderr
    )
    run("people", "forget", "--all", "--yes")
    assert "before you agree" in run("similar", "--image", str(tmp_path / "tom.jpg"), "--face").stderr


def test_exports_and_sidecars_name_people_only_if_asked(run: Run, films: Path, tmp_path: Path) -> None:
    run("people", "name", "1", "Wilhelmina")
    with Library.open(films) as library:
        passages.add(library, 1, [Passage(1, 2, PassageKind.SPEECH, "Where is the cake?")])
    for form in ("csv", "markdown", "txt", "jsonl", "json", "srt"):
        assert "Wilhelmina" not in run("export", "party", "-f", form).stdout
    assert run("export", "party", "-f", "csv", "--people").stdout.splitlines()[0].endswith(",speaker,people")
    assert run("export", "party", "-f", "csv", "--people").stdout.splitlines()[1].endswith(",Wilhelmina")
    for form in ("markdown", "txt"):
        assert "cake? " in (listed := run("export", "party", "-f", form, "--people").stdout)
        assert "Wilhelmina" in listed
    assert run("export", "party", "-f", "srt", "--people").exit_code == 2


def test_an_export_of_the_library_has_people_on_request_only(run: Run, films: Path, tmp_path: Path) -> None:
    run("people", "name", "1", "Wilhelmina")
    assert "Wilhelmina" not in run("export").stdout + run("export", "-f", "json").stdout
    lines = [json.loads(line) for line in run("export", "--people").stdout.splitlines()]
    people = [line for line in lines if line["type"] == "person"]
    assert {line["name"] for line in people} == {"Wilhelmina"}
    assert json.loads(run("export", "-f", "json", "--people").stdout)["people"] == [
        {name: value for name, value in line.items() if name != "type"} for line in people
    ]
    for line in lines:
        line.pop("content_hash", None)  # those of the test are not valid
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = run("--home", str(tmp_path / "other"), "import", str(tmp_path / "all.jsonl"))
    assert (result.exit_code, "skipped" in result.stderr) == (0, False), result.stderr
    with Library.open(films) as library:
        (tmp_path / "party.mp4").write_bytes(b"film")
        videos.set_path(library, 1, tmp_path / "party.mp4")
        video = videos.get(library, 1)
        assert video is not None
        formats = [SidecarFormat.XMP]
        plain, named = (list(plan_sidecars(library, [video], formats, with_people=choice)) for choice in (False, True))
    assert "Wilhelmina" not in "".join(sidecar.content for sidecar in plain)
    assert "Wilhelmina" in "".join(sidecar.content for sidecar in named)


def test_a_removed_video_takes_its_faces_along(run: Run, films: Path) -> None:
    with Library.open(films) as library:
        (eve,) = [bytes(row["vector"]) for row in library.rows("SELECT vector FROM face_tracks WHERE person_id = 3")]
        face_tracks.means(library, face_tracks.models(library)[0])
        sums = library.rows("SELECT vector FROM person_vectors WHERE person_id = 1")
        total = bytes(sums[0]["vector"])
    assert eve in all_bytes(films)
    assert total in all_bytes(films)
    assert run("rm", "garden", "--purge", "--yes").exit_code == 0
    assert eve not in all_bytes(films)
    assert total not in all_bytes(films)
    assert [row[:3] for row in rows(run)] == [["1", "", "1"], ["2", "", "1"]]


def test_texts_of_models_with_the_name_are_forgotten_too(run: Run, films: Path) -> None:
    run("people", "name", "1", "Wilhelmina de Vries")
    texts = [
        Passage(0, 6, PassageKind.SUMMARY, "Wilhelmina gives a party.", engine="ollama"),
        Passage(0, 4, PassageKind.ACTION, "Vries dances.", engine="ollama", frame_id=1),
        Passage(2, 6, PassageKind.SUMMARY, "The end of the day.", engine="ollama"),
        Passage(0, 1, PassageKind.NOTE, "My note about the evening.", engine=passages.BY_HAND),
    ]
    with Library.open(films) as library:
        ids = passages.add(library, 1, texts)
        with library.writing() as connection:
            connection.execute(
                """INSERT INTO video_tags (video_id, kind, tag, passage_id) VALUES (1, 'person', 'wilhelmina', ?),
                (1, 'tag', 'party', ?)""",
                (ids[2], ids[2]),
            )
    assert run("people", "forget", "1", "--yes").exit_code == 0
    for word in (b"Wilhelmina", b"wilhelmina", b"Vries"):
        assert word not in all_bytes(films)
    with Library.open(films) as library:
        assert {passage.text for passage in passages.of_video(library, 1)} == {texts[2].text, texts[3].text}
        assert [row["tag"] for row in library.rows("SELECT tag FROM video_tags")] == ["party"]
        assert jobs.counts(library)[JobKind.WATCH, JobState.QUEUED] == 1


def test_setup_tells_size_and_licence_of_the_models_before_a_download(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    listed = run("setup", "--only", "people", "--dry-run")
    assert [line.split("\t") for line in listed.stdout.splitlines()] == [
        ["people", "YuNet 2023mar (MIT)", "232589", "to download", "huggingface.co/opencv/face_detection_yunet"],
        [
            "people",
            "SFace 2021dec (Apache-2.0)",
            "38696353",
            "to download",
            "huggingface.co/opencv/face_recognition_sface",
        ],
    ]
    monkeypatch.setenv("VIDLOCAL_MODELS", str(place(tmp_path / "models")))
    listed = run("setup", "--only", "people", "--dry-run")
    assert [line.split("\t")[3] for line in listed.stdout.splitlines()] == ["installed", "installed"]
