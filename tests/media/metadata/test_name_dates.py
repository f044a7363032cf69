import pytest

from vidlocal.media.metadata.name_dates import date_in_folders, date_in_name


@pytest.mark.parametrize(
    "stem",
    [
        "VID_20230714_153012",
        "IMG_20230714_153012",
        "PXL_20230714_153012345.TS",
        "DJI_20230714153012_0001_D",
        "20230714_153012",
        "2023_0714_153012_001F",
        "2023071415301200-0123456789ABCDEF",
        "WIN_20230714_15_30_12_Pro",
        "VID-20230714-WA0001",
        "WhatsApp Video 2023-07-14 at 15.30.12",
        "video_2023-07-14_15-30-12",
        "signal-2023-07-14-153012",
        "Screenshot_20230714-153012_Chrome",
        "Screenshot 2023-07-14 at 15.30.12",
        "Screen Recording 2023-07-14 at 3.30.12 PM",
        "Screen_Recording_20230714_153012_Maps",
        "RPReplay_Final1689336000",
        "mmexport1689336000000",
        "2023-07-14 15-30-12",
        "2023.07.14 Lisbon",
        "14.07.2023 Lisbon",
        "2023年7月14日",
    ],
)
def test_names_of_cameras_phones_messengers_and_people_have_a_date(stem: str) -> None:
    assert date_in_name(stem) == "2023-07-14"


@pytest.mark.parametrize(
    ("stem", "date"),
    [("Lisbon 2023-07", "2023-07"), ("Wedding 2019", "2019"), ("Wedding (2019)", "2019"), ("2019", "2019")],
)
def test_a_name_may_have_only_a_month_or_year(stem: str, date: str) -> None:
    assert date_in_name(stem) == date


@pytest.mark.parametrize(
    "stem",
    [
        "GX010123",
        "GOPR2012",
        "IMG_2023",
        "MVI_2019",
        "DSC_1999",
        "P1020230714",
        "clip 20231299",
        "1980x1080",
        "trailer_1080p",
        "A001_08151512_C001",
        "00012",
        "",
    ],
)
def test_numbers_and_sizes_are_no_dates(stem: str) -> None:
    assert date_in_name(stem) is None


@pytest.mark.parametrize(
    ("folders", "date"),
    [
        (["2023", "07", "14"], "2023-07-14"),
        (["2023", "07-14 Lisbon"], "2023-07-14"),
        (["2023", "2023-07", "2023-07-14"], "2023-07-14"),
        (["2023", "2023-07", "14"], "2023-07-14"),
        (["20230714"], "2023-07-14"),
        (["14.07.2023 Party"], "2023-07-14"),
        (["2023-07 Lisbon"], "2023-07"),
        (["2023", "07 Lisbon"], "2023-07"),
        (["202307 Lisbon"], "2023-07"),
        (["Holidays 2023"], "2023"),
        (["2022", "2023"], "2023"),
        (["DCIM", "100GOPRO"], None),
        (["Canon EOS 2000D"], None),
        ([], None),
    ],
)
def test_folders_have_dates_too(folders: list[str], date: str | None) -> None:
    assert date_in_folders(folders) == date
