import json

from vidlocal.records import Hit, Moment, PassageKind
from vidlocal.render import results
from vidlocal.render.sanitize import to_json


def moment(*, text: str = "the bride", path: str = "/videos/wedding.mp4") -> Moment:
    hit = Hit(7, 3, 12.34567, 15.0, PassageKind.SPEECH, text, 0.61239)
    kinds = (PassageKind.SPEECH, PassageKind.SCENE)
    return Moment(3, "wedding", path, 12.34567, 3723.52, 0.61239, kinds, text, (hit,))


def test_the_document_has_the_documented_fields() -> None:
    assert json.loads(to_json(results.to_document("bride", [moment()]))) == {
        "query": "bride",
        "moments": [
            {
                "video": {"id": 3, "title": "wedding", "path": "/videos/wedding.mp4"},
                "start": 12.346,
                "end": 3723.52,
                "score": 0.6124,
                "kinds": ["speech", "scene"],
                "text": "the bride",
                "hits": [
                    {
                        "passage_id": 7,
                        "start": 12.346,
                        "end": 15.0,
                        "score": 0.6124,
                        "kind": "speech",
                        "text": "the bride",
                    }
                ],
            }
        ],
    }


def test_no_results_are_an_empty_list() -> None:
    assert results.to_document("x", []) == {"query": "x", "moments": []}


def test_a_line_has_six_fields() -> None:
    assert results.to_tsv(moment()) == "/videos/wedding.mp4\t0:00:12.3\t1:02:03.5\t0.612\tspeech,scene\tthe bride"


def test_content_cannot_break_a_line_or_control_the_terminal() -> None:
    line = results.to_tsv(moment(text="a\tb\nc\r\n\x1b[31m\u202e\0", path="/v/a\tb\n\x1b]0;x\x07.mp4"))
    assert line.count("\t") == 5
    assert not any(ord(letter) < 32 and letter != "\t" for letter in line)
    assert "\n" not in line
    assert "\u202e" not in line


def test_spaces_in_a_path_are_kept() -> None:
    assert results.to_tsv(moment(path="/v/two  spaces.mp4")).startswith("/v/two  spaces.mp4\t")


def test_document_tells_confidence_and_judgement() -> None:
    document = results.to_document("bride", [moment()], judged={moment(): 0.91234}, is_confident=False)
    assert document["confident"] is False
    (record,) = json.loads(to_json(document))["moments"]
    assert record["judged"] == 0.9123
