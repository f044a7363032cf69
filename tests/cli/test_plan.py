import json

from tests.support.commands import Run, add_video
from vidlocal.records import JobKind, JobState
from vidlocal.store.database import Library
from vidlocal.store.history import facts, searches
from vidlocal.store.history.searches import Span
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.queue.job_filter import JobFilter


def test_plan_counts_frames_and_explains_their_order(run: Run, library: Library, wedding: int) -> None:
    facts.put(library, facts.SECONDS_PER_FRAME, "2.5")
    plan = json.loads(run("plan", "--json").stdout)
    (video,) = plan["videos"]
    assert (video["frames"], video["distinct"], video["described"], video["left"]) == (10, 5, 1, 4)
    assert video["seconds"] == 10.0
    assert [frame["time"] for frame in plan["next"]] == [4.0, 8.0, 12.0, 16.0]
    assert plan["next"][0]["why"] == "represents its video, rank 2"
    assert run("plan").stdout == "1\twedding-2019\t10\t5\t1\t4\t10\n"
    assert run("plan", "wedding").stdout.splitlines()[0] == "0:00:04.0\trank\t2\t0.0000\t"


def test_the_plan_goes_across_videos_by_rank(run: Run, library: Library, wedding: int) -> None:
    other = add_video(library, "garden", "flowers")
    following = json.loads(run("plan", "--json").stdout)["next"]
    assert [(frame["video"], frame["rank"]) for frame in following[:4]] == [
        (other, 0),
        (wedding, 1),
        (other, 1),
        (wedding, 2),
    ]


def test_searched_frames_move_ahead_with_a_reason_in_the_plan(run: Run, library: Library, wedding: int) -> None:
    searches.add(library, "cutting the cake", 9, [Span(wedding, 22.0, 24.0)] * searches.FEW_MOMENTS)
    searches.add(library, "first dance", 1, [Span(wedding, 41.0, 44.0)])
    following = json.loads(run("plan", "wedding", "--json").stdout)["next"]
    assert [(frame["time"], frame["reason"]) for frame in following] == [
        (12.0, "sought"),
        (16.0, "sought"),
        (4.0, "rank"),
        (8.0, "rank"),
    ]
    assert following[0]["why"] == 'near a search with few results: "first dance"'


def test_search_tells_the_plan_where_it_found_what(run: Run, library: Library, wedding: int) -> None:
    run("search", "bride")
    assert {frame["query"] for frame in json.loads(run("plan", "--json").stdout)["next"]} == {"bride"}


def test_a_private_search_leaves_no_trace(run: Run, library: Library, wedding: int) -> None:
    assert run("search", "bride", "--private").stdout
    assert library.number("SELECT count(*) FROM searches") == 0


def test_empty_search_in_a_named_video_suggests_its_captioning(run: Run, library: Library, wedding: int) -> None:
    run("search", "zebra", "--video", "wedding")
    run("search", "unicorn")
    assert {frame["reason"] for frame in json.loads(run("plan", "--json").stdout)["next"]} == {"sought"}
    assert [wish.query for wish in searches.recent(library)] == ["zebra"]


def test_the_queue_takes_the_order_of_the_plan_and_loses_it_again(library: Library, wedding: int) -> None:
    before = library.rows("SELECT id, priority FROM jobs ORDER BY id")
    searches.add(library, "dance", 1, [Span(wedding, 46.0, 47.0)])
    assert priorities.reprioritise(library) == 1
    assert priorities.reprioritise(library) == 0
    job = jobs.claim(library, JobKind.DESCRIBE, worker="w", now=0.0, lease_s=1.0)
    assert job is not None
    assert library.number("SELECT time FROM frames WHERE id = ?", job.target) == 16
    jobs.release(library, job)
    with library.writing() as connection:
        connection.execute("DELETE FROM searches")
    assert priorities.reprioritise(library) == 1
    assert library.rows("SELECT id, priority FROM jobs ORDER BY id") == before


def test_searched_run_claims_only_searched_frames(library: Library, wedding: int) -> None:
    searches.add(library, "dance", 1, [Span(wedding, 46.0, 47.0)])
    priorities.reprioritise(library)
    counted = jobs.counts(library, JobFilter(searched=True))
    assert counted == {
        (JobKind.DESCRIBE, JobState.QUEUED): 1,
        (JobKind.EMBED, JobState.QUEUED): 1,
    }


def test_a_budget_takes_the_representative_frames_of_every_video(library: Library, wedding: int) -> None:
    other = add_video(library, "garden", "flowers")
    claimed = []
    while job := jobs.claim(
        library, JobKind.DESCRIBE, worker="w", now=0.0, lease_s=1.0, job_filter=JobFilter(budget=2)
    ):
        claimed.append((job.video_id, library.number("SELECT rank FROM frames WHERE id = ?", job.target)))
    assert claimed == [(other, 0), (wedding, 1), (other, 1)]
    assert jobs.next_due(library, JobKind.DESCRIBE, now=0.0, job_filter=JobFilter(budget=2)) is None


def test_an_empty_library_has_an_empty_plan(run: Run, library: Library) -> None:
    result = run("plan")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "All frames are captioned" in result.stderr


def test_plan_shows_some_videos_on_request(run: Run, library: Library, wedding: int) -> None:
    add_video(library, "garden", "flowers")
    result = run("plan", "-n", "1")
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == ["wedding-2019"]
    assert "1 more video. Show more with -n N." in result.stderr
