"""Hooks of plugins in the form expected by the rest of the program."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidlocal.errors import EngineError, UsageError
from vidlocal.plugins.manager import NO_PLUGINS, Notify, PluginHooks, call_safely, installed_plugins
from vidlocal.records import Moment
from vidlocal.render.clips import Clip
from vidlocal.settings import Settings, load
from vidlocal.store.content import frames, metadata, videos
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.ingest.frame_signals import FrameSignal


def hooks(settings: Settings | None = None) -> PluginHooks:
    """Return the hooks of the installed plugins; none if the settings switch plugins off."""
    return installed_plugins() if (settings or load()).plugins else NO_PLUGINS


def import_readers(settings: Settings, notify: Notify) -> list[Callable[[Path], list[Mapping[str, Any]] | None]]:
    """Return functions from a file to import to its lines, or None for an unknown file."""
    plugins = hooks(settings)
    return [partial(_read_import, plugins, notify)] if plugins.has("read_import") else []


def _read_import(plugins: PluginHooks, notify: Notify, path: Path) -> list[Mapping[str, Any]] | None:
    for plugin, lines in plugins.call("read_import", notify, path=path):
        listed: list[Mapping[str, Any]] | None = call_safely(plugin, "read_import", partial(list, lines), notify)
        if listed is not None:
            return listed
    return None


def frame_signals(settings: Settings, notify: Notify) -> "list[FrameSignal]":
    """Return the plugins' signals of sampled frames."""
    registered = hooks(settings).register("register_signals", notify)
    if not registered:
        return []
    from vidlocal.ingest.frame_signals import FrameSignal

    return [
        FrameSignal(name, partial(_measure, plugin, name, measure, notify))
        for name, (plugin, measure) in registered.items()
    ]


def measure_videos(library: Library, signals: "Sequence[FrameSignal]", notify: Notify) -> int:
    """Measure the stored frames of all videos again, and replace the tags of the signals. Returns the number of videos.

    A video whose frames cannot be read is reported and left as it is.
    """
    from vidlocal.ingest.frame_signals import measure_frames

    measured = 0
    for video in videos.every(library):
        stored = [frame for frame in frames.of_video(library, video.id) if frame.image is not None]
        if not stored:
            continue
        folder = library.folder / Path(str(stored[0].image)).parent
        try:
            spans = measure_frames(stored, folder, signals, duration=video.duration)
        except OSError:
            notify(f"{video.title}: a frame cannot be read. Run: vidlocal check --repair")
            continue
        for name, of_signal in spans.items():
            metadata.replace_spans(library, video.id, name, of_signal)
        measured += 1
    return measured


def _measure(
    plugin: str, name: str, measure: Callable[[Any], Iterable[str]], notify: Notify, pixels: Any
) -> list[str] | None:
    tags: list[str] | None = call_safely(plugin, f"signal {name}", lambda: list(measure(pixels)), notify)
    return tags


@dataclass(frozen=True, slots=True)
class PluginExporter:
    """An export format of a plugin."""

    name: str
    plugin: str
    write: Callable[[Sequence[Mapping[str, Any]], str], str]

    def render(self, clips: Sequence[Clip], title: str) -> str:
        """Return clips as the text of a file. Raises UsageError if the plugin fails."""
        failures: list[str] = []
        data = [_clip_data(clip) for clip in clips]
        text = call_safely(self.plugin, f"format {self.name}", lambda: self.write(data, title), failures.append)
        if isinstance(text, str):
            return text
        raise UsageError(failures[0] if failures else f"Plugin {self.plugin}: format {self.name} returned no text.")


def exporters(settings: Settings, notify: Notify) -> dict[str, PluginExporter]:
    """Return the export formats of plugins by name."""
    registered = hooks(settings).register("register_exporters", notify)
    return {name: PluginExporter(name, plugin, write) for name, (plugin, write) in registered.items()}


def _clip_data(clip: Clip) -> dict[str, object]:
    values = asdict(clip)
    return {
        "video": {"id": clip.video_id, "title": clip.title, "path": clip.path, "duration": clip.duration},
        **{name: values[name] for name in ("start", "end", "text", "score", "speaker")},
        "kinds": [str(kind) for kind in clip.kinds],
    }


def connect_engine(settings: Settings, url: str, api_key: str | None) -> Any:
    """Return an engine of a plugin for `NAME` or `NAME:ADDRESS`. Raises EngineError."""
    failures: list[str] = []
    name, _, address = url.partition(":")
    registered = hooks(settings).register("register_engines", failures.append)
    if name not in registered:
        available = ", ".join(registered) or "none"
        raise EngineError(" ".join([f"No plugin has an engine {name!r}. Engines of plugins: {available}.", *failures]))
    plugin, connect = registered[name]
    failures.append(f"Plugin {plugin}: engine {name} returned no engine.")
    engine = call_safely(plugin, f"engine {name}", lambda: connect(address, api_key), failures.append)
    if engine is None:
        raise EngineError(failures[-1])
    return engine


def score_moments(settings: Settings, query: str, moments: Sequence[Moment], notify: Notify) -> tuple[Moment, ...]:
    """Return moments with the scores of plugins, best first. Each plugin gets the scores of the previous plugin."""
    from vidlocal.render.results import to_records

    plugins = hooks(settings)
    if not moments or not plugins.has("score_moments"):
        return tuple(moments)
    data = to_records(moments)
    for plugin, scores in plugins.call("score_moments", notify, query=query, moments=data):
        try:
            values = [min(1.0, max(0.0, float(score))) for score in scores]
        except (TypeError, ValueError):
            values = []
        if len(values) != len(moments):
            notify(f"Plugin {plugin}: score_moments returned no score for each moment.")
            continue
        moments = [replace(moment, score=value) for moment, value in zip(moments, values, strict=True)]
    return tuple(sorted(moments, key=lambda moment: -moment.score))
