"""Child process with an image-text-to-text model of transformers, started by `server` as `python -m`.

Requests: `load` once, then `chat` and `first_token` with the sizes of JPEG files, which are concatenated in the
payload. Code of a model repository is never run, and weights come from safetensors only.
"""

import importlib.util
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Spinning threads block each other when other programs need a core. OpenMP reads this at the import of torch.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import transformers
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from vidlocal.engines.cpu import physical_cores
from vidlocal.engines.transformers.load_plan import Device, LoadPlan, plan_load
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import refuse_network, serve

_MAX_TOP_TOKENS = 20
# As Ollama.
_TOP_K = 40
# Context of a model that does not tell its own.
_DEFAULT_CONTEXT = 2048
# For the time stamps of a video model: frames of a sequence are about this far apart.
_SECONDS_PER_FRAME = 1.0

Json = dict[str, Any]


class _LoadedModel:
    """A loaded model with its processor."""

    def __init__(self, name: str, folder: Path, parameters: int) -> None:
        self.plan = plan_load(name, parameters, _devices(), can_quantize=_can_quantize())
        options: Json = {"local_files_only": True, "trust_remote_code": False}
        try:
            self.processor: Any = AutoProcessor.from_pretrained(folder, **options)
            self.model: Any = _load_weights(folder, self.plan, options)
        except (ValueError, OSError, KeyError, AttributeError, ImportError) as error:
            raise EngineError(f"{name}: not usable in process ({_first_line(error)}). Choose another model.") from error
        self.tokenizer: Any = self.processor.tokenizer
        self.has_chat = bool(getattr(self.processor, "chat_template", None))
        self.has_video = self.has_chat and self._has_video()
        text_config = self.model.config.get_text_config()
        self.context = int(getattr(text_config, "max_position_embeddings", None) or _DEFAULT_CONTEXT)

    def properties(self) -> Json:
        """Return plan, abilities and context."""
        return {
            "plan": self.plan.as_data(),
            "has_chat": self.has_chat,
            "has_video": self.has_video,
            "context": self.context,
        }

    def chat(self, request: Json, images: Sequence[Image.Image]) -> Json:
        """Generate an answer. Returns text, tokens, seconds and end reason, or the reason of a refusal."""
        if not self.has_chat and len(images) > 1:
            return {"refused": "images"}
        inputs = self._inputs(request, images)
        length, limit = inputs["input_ids"].shape[1], int(request["max_tokens"])
        if length + limit > min(self.context, int(request["context"])):
            return {"refused": "length", "tokens": length}
        started = time.monotonic()
        output = self._generate(inputs, request, max_new_tokens=limit)[0]
        if torch.equal(output[:length], inputs["input_ids"][0]):  # some models return the prompt, too
            output = output[length:]
        tokens = [int(token) for token in output if int(token) != self.tokenizer.bos_token_id]
        ended = len(output) < limit or (bool(tokens) and tokens[-1] in self._end_tokens())
        return {
            "text": self.tokenizer.decode(tokens, skip_special_tokens=True).strip(),
            "tokens": len(tokens),
            "seconds": time.monotonic() - started,
            "reason": "stop" if ended else "length",
        }

    def first_token(self, request: Json, images: Sequence[Image.Image]) -> Json:
        """Return the most probable first tokens with their probabilities."""
        inputs = self._inputs(request, images)
        output = self._generate(
            inputs, {**request, "temperature": 0}, max_new_tokens=1, output_logits=True, return_dict_in_generate=True
        )
        best = output.logits[0][0].float().softmax(-1).topk(_MAX_TOP_TOKENS)
        tokens: dict[str, float] = {}
        for probability, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            word = self.tokenizer.decode([token])
            tokens[word] = tokens.get(word, 0.0) + probability
        return {"tokens": tokens}

    def _generate(self, inputs: Any, request: Json, **options: object) -> Any:
        torch.manual_seed(int(request["seed"]))
        is_sampled = request["temperature"] > 0
        sampling = {"temperature": request["temperature"], "top_p": request["top_p"], "top_k": _TOP_K}
        with torch.inference_mode():
            return self.model.generate(
                **inputs,
                do_sample=is_sampled,
                repetition_penalty=request["repeat_penalty"],
                pad_token_id=self.tokenizer.pad_token_id or self.tokenizer.eos_token_id,
                **(sampling if is_sampled else {"temperature": None, "top_p": None, "top_k": None}),
                **options,
            )

    def _inputs(self, request: Json, images: Sequence[Image.Image]) -> Any:
        system, prompt = (self._without_markers(request[part]) for part in ("system", "prompt"))
        if self.has_chat:
            inputs = self._chat_inputs(system, prompt, images)
        else:
            inputs = self.processor(images=list(images) or None, text=prompt, return_tensors="pt")
        inputs = inputs.to(self.model.device)
        for name, value in inputs.items():
            if torch.is_floating_point(value):
                inputs[name] = value.to(self.model.dtype)
        return inputs

    def _chat_inputs(self, system: str, prompt: str, images: Sequence[Image.Image]) -> Any:
        as_video = self.has_video and len(images) > 1 and len({image.size for image in images}) == 1
        media: list[Json] = (
            [{"type": "video", "video": list(images)}]
            if as_video
            else [{"type": "image", "image": image} for image in images]
        )
        message = {"role": "user", "content": [*media, {"type": "text", "text": prompt}]}
        messages = [{"role": "system", "content": [{"type": "text", "text": system}]}, message] if system else [message]
        options: Json = {"return_tensors": "pt"}
        if as_video:
            metadata = {
                "total_num_frames": len(images),
                "fps": 1 / _SECONDS_PER_FRAME,
                "frames_indices": list(range(len(images))),
            }
            options |= {"do_sample_frames": False, "video_metadata": [metadata]}
        return self.processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, processor_kwargs=options
        )

    def _has_video(self) -> bool:
        """True if the processor and the chat template accept videos."""
        token = getattr(self.processor, "video_token", None)
        if getattr(self.processor, "video_processor", None) is None or not token:
            return False
        message = {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "?"}]}
        return str(token) in self.processor.apply_chat_template([message], tokenize=False)

    def _without_markers(self, text: str) -> str:
        """Return the text without special tokens: a written "<image>" would count as an image."""
        media = (getattr(self.processor, name, None) for name in ("image_token", "video_token"))
        for token in {"<image>", "<video>", *self.tokenizer.all_special_tokens, *map(str, filter(None, media))}:
            if not token.isalnum():
                text = text.replace(token, " ")
        return text

    def _end_tokens(self) -> set[int]:
        ends = self.model.generation_config.eos_token_id
        return {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}


def _load_weights(folder: Path, plan: LoadPlan, options: Json) -> Any:
    options = {**options, "use_safetensors": True, "dtype": getattr(torch, plan.dtype)}
    if plan.four_bit:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_compute_dtype=options["dtype"]
        )
        options["device_map"] = {"": plan.device}
    model: Any = AutoModelForImageTextToText.from_pretrained(folder, **options)
    return (model if plan.four_bit else model.to(plan.device)).eval()


def _devices() -> list[Device]:
    """List the devices, best first: the GPU with the most free memory, then the CPU."""
    import psutil

    devices = []
    if torch.cuda.is_available():  # also AMD
        free = {number: torch.cuda.mem_get_info(number)[0] for number in range(torch.cuda.device_count())}
        best = max(free, key=lambda number: free[number])
        devices.append(Device(f"cuda:{best}", free[best], torch.cuda.is_bf16_supported()))
    elif torch.backends.mps.is_available():
        devices.append(Device("mps", torch.mps.recommended_max_memory(), False))
    return [*devices, Device("cpu", psutil.virtual_memory().available)]


def _can_quantize() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("bitsandbytes", "accelerate"))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _images(sizes: Sequence[int], payload: bytes) -> list[Image.Image]:
    images, start = [], 0
    for size in sizes:
        try:
            images.append(Image.open(io.BytesIO(payload[start : start + size])).convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise AnswerRejected("An image is damaged and cannot be read.") from error
        start += size
    return images


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


_loaded: list[_LoadedModel] = []


def _handle(request: Json, payload: bytes) -> tuple[Json, bytes]:
    if request["do"] == "load":
        torch.set_num_threads(physical_cores())
        _loaded[:] = [_LoadedModel(request["name"], Path(request["folder"]), request["parameters"])]
        return _loaded[0].properties(), b""
    images = _images(request["sizes"], payload)
    try:
        ask = _loaded[0].first_token if request["do"] == "first_token" else _loaded[0].chat
        return ask(request, images), b""
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return {"refused": "memory"}, b""


if __name__ == "__main__":
    refuse_network("Model in process")
    serve(_handle)
