"""Set up models: check the parts of a profile, download missing parts, and store their names in the settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.app.progress import ProgressLine
from vidlocal.app.setup.model_part import ModelPart
from vidlocal.engines.gpu_memory import gpu_memory_bytes
from vidlocal.engines.profiles import Profile, ProfileName, profile
from vidlocal.errors import EngineUnreachable, VidlocalError
from vidlocal.settings import Settings, explain, write


class PartState(StrEnum):
    """State of a part. The values are printed."""

    INSTALLED = "installed"
    MISSING = "to download"
    UNAVAILABLE = "no server"
    DOWNLOADED = "downloaded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """A part with state, and the error of a check or download."""

    part: ModelPart
    state: PartState
    error: VidlocalError | None = None

    @property
    def is_ready(self) -> bool:
        """True if the part is installed now."""
        return self.state in (PartState.INSTALLED, PartState.DOWNLOADED)


def profile_for_machine(name: ProfileName, memory_bytes: float | None = None) -> Profile:
    """Return the models of a profile; BEST depends on the GPU memory: `memory_bytes`, or as detected."""
    if name is ProfileName.BEST and memory_bytes is None:
        memory_bytes = gpu_memory_bytes()
    return profile(name, gpu_memory_bytes=memory_bytes)


def check_parts(parts: Sequence[ModelPart]) -> list[PartStatus]:
    """Check the installed parts. Parts of an unreachable server are UNAVAILABLE, with the error."""
    return [_check(part) for part in parts]


def download_missing(statuses: Sequence[PartStatus], line: ProgressLine) -> list[PartStatus]:
    """Download missing parts, also after the failure of a part."""
    return [_download(status.part, line) if status.state is PartState.MISSING else status for status in statuses]


def save_model_names(statuses: Sequence[PartStatus], settings: Settings, *, notify: Callable[[str], None]) -> None:
    """Write the names of installed models into settings.toml, and report overriding settings.

    A name that comes from an environment variable is not written.
    """
    names = {status.part.setting: status.part.name for status in statuses if status.part.setting and status.is_ready}
    rows = [row for row in explain() if row.setting.name in names]
    for row in rows:
        if row.origin == row.setting.env and row.value == names[row.setting.name]:
            del names[row.setting.name]
    if names:
        write(settings.home, names)
    for row in explain():
        if row.setting.name in names and row.value != names[row.setting.name]:
            notify(f"{row.setting.name} stays {row.value}: {row.origin} takes precedence over settings.toml.")


def _check(part: ModelPart) -> PartStatus:
    try:
        return PartStatus(part, PartState.INSTALLED if part.is_installed() else PartState.MISSING)
    except EngineUnreachable as error:
        return PartStatus(part, PartState.UNAVAILABLE, error)
    except VidlocalError as error:
        return PartStatus(part, PartState.MISSING, error)


def _download(part: ModelPart, line: ProgressLine) -> PartStatus:
    task = f"{part.role}: {part.name}"
    line.update(task, None)
    try:
        part.download(lambda fraction: line.update(task, fraction))
    except VidlocalError as error:
        return PartStatus(part, PartState.FAILED, error)
    line.notify(f"Installed {part.name}.")
    return PartStatus(part, PartState.DOWNLOADED)
