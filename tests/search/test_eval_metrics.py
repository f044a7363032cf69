import math

import pytest

from vidlocal.records import Moment
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Truth


def moment(video_id: int, start: float, end: float) -> Moment:
    return Moment(video_id, "", "", start, end, 1.0, (), "", ())


def test_videos_are_ranked_with_each_listed_once_and_moments_one_by_one() -> None:
    found = eval_metrics.ranks(
        [moment(1, 0, 10), moment(1, 20, 30), moment(2, 0, 4), moment(2, 10, 20)], Truth(2, ((10.0, 18.0),))
    )
    assert found == {"video": 2.0, "iou0.3": 4.0, "iou0.5": 4.0, "iou0.7": 4.0, "mid": 4.0}


def test_the_best_of_several_windows_counts() -> None:
    found = eval_metrics.ranks([moment(1, 0, 10)], Truth(1, ((50.0, 60.0), (5.0, 12.0))))
    assert (found["iou0.3"], found["iou0.5"], found["mid"]) == (1.0, math.inf, 1.0)


def test_figures_are_means_between_their_borders() -> None:
    asked = [
        eval_metrics.ranks([moment(1, 0, 10), moment(2, 0, 10)], Truth(video, ((0.0, 10.0),))) for video in (1, 2, 3)
    ]
    video = eval_metrics.estimate(asked)["video"]
    assert video is not None
    assert {name: round(interval.value, 4) for name, interval in video.items()} == {
        "r@1": 0.3333,
        "r@5": 0.6667,
        "r@10": 0.6667,
        "mrr": 0.5,
    }
    assert all(interval.low <= interval.value <= interval.high for interval in video.values())


def test_queries_without_windows_count_for_videos_only() -> None:
    figures = eval_metrics.estimate([eval_metrics.ranks([moment(1, 0, 10)], Truth(1, ()))])
    assert figures["mid"] is None
    assert figures["video"] is not None


def test_a_difference_is_taken_query_by_query() -> None:
    good, bad = ([eval_metrics.ranks([moment(video, 0, 10)], Truth(1, ()))] * 20 for video in (1, 2))
    gained = eval_metrics.estimate_gain(bad, good)["video"]
    assert gained is not None
    assert (gained["mrr"].value, gained["mrr"].low) == pytest.approx((1.0, 1.0))
