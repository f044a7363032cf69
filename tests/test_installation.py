"""Commands that add packages, by the way vidlocal was installed."""

from pathlib import Path

from vidlocal.installation import extra_command


def test_an_extra_is_installed_where_vidlocal_is(tmp_path: Path) -> None:
    assert extra_command("web", str(tmp_path)) == 'pip install "vidlocal[web]"'
    (tmp_path / "pipx_metadata.json").touch()
    assert extra_command("web", str(tmp_path)) == 'pipx runpip vidlocal install "vidlocal[web]"'
    (tmp_path / "uv-receipt.toml").touch()
    assert extra_command("web", str(tmp_path)) == f'uv pip install --python {tmp_path} "vidlocal[web]"'
