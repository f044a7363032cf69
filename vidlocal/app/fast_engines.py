"""What reads text on screen, listens to speech and looks at pictures, opened for a command."""

from contextlib import ExitStack

from vidlocal.app.clip_engine import open_pictures
from vidlocal.engines.models_on_disk import vad_model, whisper_model
from vidlocal.engines.whisper import Whisper
from vidlocal.enrich.workers.fast_pass import Engines
from vidlocal.errors import EngineError
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe import Prober
from vidlocal.settings import Settings
from vidlocal.signals.screen_text import RapidOcr


def fast_engines(stack: ExitStack, chosen: Settings, ffmpeg: Ffmpeg, prober: Prober) -> Engines:
    """The engines of the fast pass, closed with `stack`. Without a whole whisper model nothing listens."""
    reader = stack.enter_context(ScreenReader())
    found = open_pictures(stack, chosen)
    pictures, no_pictures = (None, found) if isinstance(found, str) else (found, None)
    try:
        model = whisper_model(chosen.whisper_model, chosen.models_folder)
    except EngineError as error:  # missing or damaged: everything else can be done without it
        no_speech = f"Speech waits to be written down. {error}"
        return Engines(ffmpeg, prober, reader, None, no_speech, pictures, no_pictures)
    speech = stack.enter_context(Whisper(model, vad_file=vad_model(chosen.models_folder)))
    return Engines(ffmpeg, prober, reader, speech, None, pictures, no_pictures)
