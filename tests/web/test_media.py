"""Films, frames and subtitles over HTTP."""

import httpx
import pytest

from tests.support.commands import add_video
from tests.support.web_server import WebServer
from vidlocal.records import Passage, PassageKind, Word
from vidlocal.store.content import passages, videos, word_times
from vidlocal.store.database import Library


def film(client: httpx.Client, ids: dict[str, int], wanted: str | None = None, method: str = "GET") -> httpx.Response:
    headers = {} if wanted is None else {"range": wanted}
    return client.request(method, f"/api/v1/videos/{ids['plain']}/file", headers=headers)


def test_the_whole_file_is_sent_without_a_range(client: httpx.Client, ids: dict[str, int]) -> None:
    response = film(client, ids)
    assert response.status_code == 200
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["accept-ranges"] == "bytes"
    assert len(response.content) == int(response.headers["content-length"])


@pytest.mark.parametrize(
    ("wanted", "start", "length"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 5),
        ("bytes=-5", -5, 5),
        ("bytes=10-999999999", 10, None),
    ],
)
def test_a_range_is_sent(
    client: httpx.Client, ids: dict[str, int], wanted: str, start: int, length: int | None
) -> None:
    whole = film(client, ids).content
    response = film(client, ids, wanted)
    expected = whole[start:] if length is None else whole[start:][:length]
    assert response.status_code == 206
    assert response.content == expected
    assert response.headers["content-range"].endswith(f"/{len(whole)}")


@pytest.mark.parametrize(
    "wanted",
    ["bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "bits=0-5", "bytes=0-5,10-15", "bytes=" + "0-0," * 3000 + "0-0"],
)
def test_an_odd_range_is_ignored(client: httpx.Client, ids: dict[str, int], wanted: str) -> None:
    response = film(client, ids, wanted)
    assert response.status_code == 200
    assert len(response.content) == len(film(client, ids).content)


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=999999999999999999-"])
def test_a_range_behind_the_end_cannot_be_satisfied(client: httpx.Client, ids: dict[str, int], wanted: str) -> None:
    response = film(client, ids, wanted)
    assert response.status_code == 416
    assert response.headers["content-range"].startswith("bytes */") or response.headers["content-range"].startswith(
        "*/"
    )


def test_head_sends_no_body(client: httpx.Client, ids: dict[str, int]) -> None:
    response = film(client, ids, method="HEAD")
    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 0
    assert not response.content


def test_if_range_sends_everything_when_the_file_changed(client: httpx.Client, ids: dict[str, int]) -> None:
    path, whole = f"/api/v1/videos/{ids['plain']}/file", film(client, ids)
    same = client.get(path, headers={"range": "bytes=0-4", "if-range": whole.headers["etag"]})
    other = client.get(path, headers={"range": "bytes=0-4", "if-range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_playback_offers_the_cheapest_way_first(client: httpx.Client, ids: dict[str, int]) -> None:
    def ways(title: str) -> list[str]:
        sources = client.get(f"/api/v1/videos/{ids[title]}/playback").json()["sources"]
        return [source["kind"] for source in sources]

    assert ways("plain") == ["file", "copy", "encode"]
    assert ways("phone") == ["file", "copy", "encode"]
    assert ways("container") == ["copy", "encode"]
    assert ways("old") == ways("broadcast") == ["encode"]
    assert ways("free") == ["file", "copy", "encode"]
    assert ways("sound") == ["file", "encode"]
    assert ways("photo") == []


def test_a_piece_is_made_once_and_then_kept(client: httpx.Client, ids: dict[str, int], server: WebServer) -> None:
    path = f"/api/v1/videos/{ids['old']}/piece.mp4?kind=encode&start=3&end=5"
    first = client.get(path)
    assert first.status_code == 200
    assert first.content[4:8] == b"ftyp"
    [kept] = (server.home / "cache" / "playback").glob("*/encode-3000-5000.mp4")
    assert client.get(path).content == first.content == kept.read_bytes()


@pytest.mark.parametrize(
    "span", ["start=5&end=5", "start=5&end=4", "start=0&end=1000", "start=-1&end=4", "start=nan&end=4"]
)
def test_a_bad_span_is_refused(client: httpx.Client, ids: dict[str, int], span: str) -> None:
    response = client.get(f"/api/v1/videos/{ids['old']}/piece.mp4?kind=encode&{span}")
    assert response.status_code == 400


def test_a_way_that_does_not_fit_is_refused(client: httpx.Client, ids: dict[str, int]) -> None:
    response = client.get(f"/api/v1/videos/{ids['old']}/piece.mp4?kind=copy&start=0&end=4")
    assert response.status_code == 400


def test_a_frame_is_sent_small_and_whole(client: httpx.Client, ids: dict[str, int]) -> None:
    frame = client.get(f"/api/v1/videos/{ids['plain']}").json()["frames"][0][0]
    small, whole = client.get(f"/api/v1/frames/{frame}?width=64"), client.get(f"/api/v1/frames/{frame}")
    assert small.content[:2] == whole.content[:2] == b"\xff\xd8"
    assert len(small.content) < len(whole.content)
    assert "immutable" in whole.headers["cache-control"]


def test_speech_is_a_track_and_a_download(client: httpx.Client, ids: dict[str, int]) -> None:
    track = client.get(f"/api/v1/videos/{ids['plain']}/track.vtt?kind=speech")
    assert track.headers["content-type"].startswith("text/vtt")
    assert "00:00:04.000 --> 00:00:07.000\nThe bride walks down the aisle" in track.text
    download = client.get(f"/api/v1/videos/{ids['plain']}/subtitles?format=srt")
    assert 'filename="plain.srt"' in download.headers["content-disposition"]
    assert "The bride walks down the aisle" in download.text


def test_a_download_has_a_plain_name(client: httpx.Client, server: WebServer, ids: dict[str, int]) -> None:
    with Library.open(server.home) as library:
        odd = add_video(library, "evening\nb\u202e\udcff", "Hello.")
        try:
            download = client.get(f"/api/v1/videos/{odd}/subtitles?format=srt")
        finally:
            videos.remove(library, odd)
    assert "evening_b__.srt" in download.headers["content-disposition"]


def test_the_speech_track_has_the_times_of_words(client: httpx.Client, ids: dict[str, int], server: WebServer) -> None:
    with Library.open(server.home) as library:
        passage = Passage(8.0, 10.0, PassageKind.SPEECH, "Goodbye everybody")
        words = [Word("Goodbye", 8.0, 8.6), Word("everybody", 8.6, 9.8)]
        [passage_id] = passages.add(library, ids["phone"], [passage])
        word_times.put(library, passage_id, passage.text, passage.start, words)
    track = client.get(f"/api/v1/videos/{ids['phone']}/track.vtt?kind=speech").text
    assert "Goodbye <00:00:08.600>everybody" in track
