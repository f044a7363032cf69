import pytest

from vidlocal.media.subtitles.cues import RawCue
from vidlocal.media.subtitles.subtitle_formats import parse_subtitles

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> <font color="#fff">there</font>

2
00:01:02,5 --> 01:02:03,25  X1:10 X2:20
{\\an8}Tom &amp; Ann
- I <3 you
"""


def lines(text: str) -> list[tuple[str, ...]]:
    return [shown.lines for shown in parse_subtitles(text)]


def test_subrip_gives_words_without_tags_entities_and_positions() -> None:
    assert parse_subtitles(SRT) == [
        RawCue(1.0, 2.5, ("Hello there",)),
        RawCue(62.5, 3723.25, ("Tom & Ann", "- I <3 you")),
    ]


def test_subrip_line_ends_of_all_systems_are_read() -> None:
    for end in ("\r\n", "\r"):
        assert parse_subtitles(SRT.replace("\n", end)) == parse_subtitles(SRT)


def test_subrip_broken_cues_are_skipped() -> None:
    text = "garbage\n\n1\n00:00:xx,000 --> 00:00:02,500\nlost\n\n2\n00:00:05,000 --> 00:00:06,000\nkept\n\n3\n00:00:09"
    assert lines(text) == [("kept",)]


def test_subrip_keeps_a_line_that_is_a_number() -> None:
    assert lines("1\n00:00:01,000 --> 00:00:02,000\nIn\n1984\n\n") == [("In", "1984")]


def test_subrip_cue_with_an_empty_line_is_complete() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nup\n\ndown\n\n2\n00:00:03,000 --> 00:00:04,000\nnext\n"
    assert lines(text) == [("up", "down"), ("next",)]


def test_webvtt_notes_styles_identifiers_and_settings_are_not_text() -> None:
    text = (
        "WEBVTT - made by hand\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\n00:01 is not a time\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start position:10%\n<v Anna>Hi <00:01.500><c.red>you</c></v> &lt;3\n\n"
        "NOTE the end\n\n7\n01:00:00.000 --> 01:00:01.000\n<b>Bye</b>&nbsp;now\n"
    )
    assert parse_subtitles(text) == [
        RawCue(1.0, 2.0, ("Hi you",), "Anna"),
        RawCue(1.0, 2.0, ("<3",)),
        RawCue(3600.0, 3601.0, ("Bye now",)),
    ]


def test_substation_overrides_drawings_and_comments_are_not_text() -> None:
    text = (
        "[Script Info]\nTitle: x\n[V4+ Styles]\nStyle: Default,Arial\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,never said\n"
        "Dialogue: 0,0:00:01.50,0:00:02.00,Default,,0,0,0,,{\\pos(1,2)\\i1}Well,{\\i0} hello\\Nthere\\hyou\n"
        "Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}Sign\n"
        "Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\an7\\p4}m 0 0 b 1 1 2 2\n"
        "Dialogue: broken\n"
    )
    assert parse_subtitles(text) == [
        RawCue(1.5, 2.0, ("Well, hello", "there you")),
        RawCue(3.0, 4.0, ("Sign",)),
        RawCue(5.0, 6.0, ()),
    ]


def test_ssa_with_its_own_columns_is_read() -> None:
    text = (
        "[Events]\nFormat: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: Marked=0,0:00:01.00,0:00:02.00,Default,NTP,0000,0000,0000,!Effect,one, two\n"
    )
    assert parse_subtitles(text) == [RawCue(1.0, 2.0, ("one, two",))]


def test_music_notes_are_kept_with_words_and_removed_alone() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\n♪ la la ♪\n\n2\n00:00:03,000 --> 00:00:04,000\n♪♪\n"
    assert lines(text) == [("♪ la la ♪",), ()]


def test_control_and_bidi_characters_are_removed() -> None:
    assert lines("1\n00:00:01,000 --> 00:00:02,000\na\x1b[31m\u202eb\x00c\n") == [("a [31m b c",)]


@pytest.mark.parametrize(
    "unit", ["<", "{", "{\\", "<a", "-->", "00:", "&", "word ", "Dialogue: ", "<rt>", "<v a", "\r"]
)
def test_a_line_of_ten_megabytes_is_parsed(unit: str) -> None:
    huge = unit * (10_000_000 // len(unit))
    text = f"1\n00:00:01,000 --> 00:00:02,000\n{huge}\n\n2\n00:00:03,000 --> 00:00:04,000\nafter\n"
    assert all(len(line) <= 2_000 for shown in lines(text) for line in shown)


def test_line_ends_may_be_mixed() -> None:
    old_mac = "WEBVTT\r\r00:01.000 --> 00:02.000\rwalrus\r\r00:03.000 --> 00:04.000\rnarwhal\r\n"
    assert lines(old_mac) == [("walrus",), ("narwhal",)]
    assert parse_subtitles(SRT.replace("\n", "\r\r\n")) == parse_subtitles(SRT)


def test_readings_above_ideographs_are_not_text() -> None:
    ruby = "<ruby>結<rt>けっ</rt>婚<rp>(</rp><rt>こん</rt><rp>)</rp>式<rt>しき</ruby>が始まる"
    assert lines(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{ruby}\n\n") == [("結婚式が始まる",)]


def test_every_voice_of_a_cue_has_its_speaker() -> None:
    said = "So <v.loud Mary Ann O&amp;Neil>Cut\nthe cake!</v> <v Tom>Yes. <v !>No."
    cues = parse_subtitles(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{said}\n\n")
    assert [(cue.speaker, " ".join(cue.lines)) for cue in cues] == [
        (None, "So"),
        ("Mary Ann O&Neil", "Cut the cake!"),
        ("Tom", "Yes."),
        (None, "No."),
    ]


def test_captions_of_youtube_without_blanks_keep_their_text() -> None:
    text = (
        "WEBVTT\nKind: captions\n\n00:00:00.000 --> 00:00:02.000 align:start position:0%\n\n"
        "hello<00:00:00.500><c> everyone</c>\n\n00:00:02.000 --> 00:00:02.010\nhello everyone\n\n\n"
        "00:00:02.010 --> 00:00:04.000\nhello everyone\nwelcome<00:00:03.000><c> to the</c>\n\n"
    )
    assert lines(text) == [("hello everyone",), ("hello everyone",), ("hello everyone", "welcome to the")]


def test_a_webvtt_cue_without_text_does_not_take_the_next_identifier_or_note() -> None:
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n\nintro\n00:03.000 --> 00:04.000\nHi\n\n"
        "00:05.000 --> 00:06.000\n\nNOTE nobody speaks\n\n00:07.000 --> 00:08.000\nBye\n"
    )
    assert lines(text) == [(), ("Hi",), (), ("Bye",)]


def test_subviewer_files_of_youtube_are_read() -> None:
    text = "0:00:00.599,0:00:04.160\n>> ALICE: Hi, my name\nis Alice[br]Miller\n\n0:00:04.160,0:00:06.770\nand John\n\n"
    assert parse_subtitles(text) == [
        RawCue(0.599, 4.16, (">> ALICE: Hi, my name", "is Alice", "Miller")),
        RawCue(4.16, 6.77, ("and John",)),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "00:00:03,000 --> 00:00:0x,000\nlost",
        "00:00:03,000 -->\nlost",
        "Dialogue: this is SubRip",
        "9" * 6_000 + ":00:03,000 --> 00:00:04,000\nlost",
        "00:00:03,000 --> 00:00:02,000\n<v <i {\\p1",
    ],
)
def test_a_broken_cue_costs_no_other_cue(broken: str) -> None:
    text = f"1\n00:00:01,000 --> 00:00:02,000\nbefore\n\n2\n{broken}\n\n3\n00:00:05,000 --> 00:00:06,000\nafter\n"
    shown = lines(text)
    assert shown[0][0] == "before"
    assert shown[-1] == ("after",)


def test_a_broken_time_of_substation_costs_no_other_cue() -> None:
    broken = f"Dialogue: 0,{'9' * 6_000}:00:01.00,0:00:02.00,D,,0,0,0,,lost"
    assert lines(f"[Events]\n{broken}\nDialogue: 0,0:00:03.00,0:00:04.00,D,,0,0,0,,kept\n") == [("kept",)]
