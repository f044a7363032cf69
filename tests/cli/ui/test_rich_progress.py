"""The progress line at different widths."""

import pytest

from vidlocal.cli.ui.rich_progress import live_line


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
@pytest.mark.parametrize("stage", ["probing", "transcribing", "embedding images"])
def test_number_stage_and_share_are_whole_at_every_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, stage: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    with live_line() as line:
        line.update(f"file 31 of 310  {stage}  a-film-with-a-long-name-{'x' * 100}.mp4", 0.25, eta=4000.0)
    shown = capsys.readouterr().err
    assert all(part in shown for part in ("31 of 310", stage, "25%"))
    assert ("left" in shown) == (columns >= 60)
