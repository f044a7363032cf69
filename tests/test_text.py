from vidlocal.text import pluralize


def test_only_one_takes_the_singular() -> None:
    assert [pluralize(number, "frame") for number in (0, 1, 2, 1234)] == [
        "0 frames",
        "1 frame",
        "2 frames",
        "1,234 frames",
    ]
    assert [pluralize(number, "query", "queries") for number in (1, 2)] == ["1 query", "2 queries"]
