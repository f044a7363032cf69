import os
import pickle

import numpy as np
import pytest

from vidlocal import errors
from vidlocal.cluster import messages
from vidlocal.cluster.messages import (
    Call,
    Failure,
    Models,
    Result,
    SampledFile,
    decode,
    encode,
    failure_of,
    raise_failure,
)
from vidlocal.engines.base import SchemaMismatch, Usage
from vidlocal.errors import AnswerRejected, EngineBusy, EngineError
from vidlocal.geography import GeoPoint, Place
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import AudioTrack, MediaKind, Probe
from vidlocal.signals.screen_text import ScreenText

MODELS = Models("llava:7b", "phi3.5", "embeddinggemma", "base", 4096, "30m")


@pytest.mark.parametrize(
    "value",
    [
        SceneAnswer("A boat.", ("boat",), people_count=2),
        ScreenText("EXIT", 0.9, "PP-OCR"),
        SampledFile(Probe(MediaKind.VIDEO, 2.0, audio=(AudioTrack(1, "aac", None, True, 2, 48_000),)), ()),
        Probe(MediaKind.VIDEO, 1.0, place=Place(GeoPoint(38.7, -9.1), "Lisbon, Portugal", ("Lisboa",))),
        None,
        "text",
        {"de": 0.5},
    ],
)
def test_results_arrive_as_they_were(value: object) -> None:
    result = Result(value, 1, Usage(10, 2.0))
    assert decode(encode(result)) == result


def test_arrays_arrive_as_they_were() -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    result = decode(encode(Result(vectors)))
    assert isinstance(result, Result)
    assert np.array_equal(np.asarray(result.value), vectors)


def test_a_call_arrives_as_it_was() -> None:
    call = Call("vision", "describe", MODELS, "llava:7b@abc", (b"jpeg",), {"plain": False})
    assert decode(encode(call)) == call


class Foreign:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch PWNED",)


@pytest.mark.parametrize("data", [pickle.dumps(Foreign()), pickle.dumps(os.getcwd), b"", b"\x80\x05nonsense"])
def test_a_message_that_would_run_code_is_refused(data: bytes, tmp_path: object) -> None:
    with pytest.raises(EngineError, match="invalid message"):
        decode(data)
    assert not os.path.exists("PWNED")


@pytest.mark.parametrize(
    "error",
    [
        EngineBusy("in use", retry_after=30.0),
        SchemaMismatch("no JSON"),
        AnswerRejected("empty"),
        errors.MediaError("corrupt"),
        errors.EngineUnreachable("gone"),
    ],
)
def test_an_error_is_raised_here_as_it_was_there(error: Exception) -> None:
    with pytest.raises(type(error), match=f"^pc: {error}$") as raised:
        raise_failure(failure_of(error), "pc")
    assert type(raised.value) is type(error)
    assert getattr(raised.value, "retry_after", None) == getattr(error, "retry_after", None)


def test_a_bug_there_is_an_error_of_the_engine_here() -> None:
    failure = failure_of(ZeroDivisionError("division by zero"))
    assert failure == Failure("EngineError", "ZeroDivisionError: division by zero")


def test_every_allowed_name_is_plain_data() -> None:
    """Allowed functions build arrays and bytes, and call nothing."""
    functions = {"_reconstruct", "_frombuffer", "encode"}
    for module, name in messages.ALLOWED:
        assert name in functions or module.startswith("vidlocal.") or name in {"set", "frozenset", "ndarray", "dtype"}
