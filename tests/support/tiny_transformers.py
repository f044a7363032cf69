"""Tiny transformers models with random weights, saved as a model folder like from Hugging Face."""

import random
from pathlib import Path
from typing import Any

from vidlocal.engines.jpeg import noisy_colour
from vidlocal.engines.prompts import vision_prompts
from vidlocal.engines.served import canary

MAX_STEPS = 160
MAX_LOSS = 0.01

# A chat template like that of LLaVA 1.5, with a place for a video.
_CHAT = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>\n' }}{% elif part['type'] == 'video' %}{{ '<video>\n' }}"
    "{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
_QWEN_CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{% elif part['type'] == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_QWEN_TOKENS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def _tokenizer(extra: tuple[str, ...], **names: str) -> Any:
    """Return a byte-level tokenizer without merges: a token per byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {symbol: number for number, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>", **names
    )
    tokenizer.add_tokens(list(extra), special_tokens=True)
    return tokenizer


def _llama(tokenizer: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _clip_vision() -> Any:
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14
    )


def _clip_processor() -> Any:
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})


def save_llava(folder: Path) -> Path:
    """LLaVA 1.5: a chat model for images."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = _tokenizer(("<image>",))
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        text_config=_llama(tokenizer), vision_config=_clip_vision(), image_token_index=image_token, image_seq_length=16
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    LlavaProcessor(
        image_processor=_clip_processor(),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=_CHAT,
        image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder


def save_blip2(folder: Path) -> Path:
    """BLIP-2 with OPT: a captioner without a chat template."""
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        BlipImageProcessor,
        OPTConfig,
    )

    tokenizer = _tokenizer(("<image>",))
    opt = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=2048,
        word_embed_proj_dim=32,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = Blip2Config(
        vision_config=Blip2VisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=56,
            patch_size=14,
        ).to_dict(),
        qformer_config=Blip2QFormerConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, encoder_hidden_size=32
        ).to_dict(),
        text_config=opt.to_dict(),
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    Blip2Processor(
        image_processor=BlipImageProcessor(size={"height": 56, "width": 56}), tokenizer=tokenizer, num_query_tokens=4
    ).save_pretrained(folder)
    return folder


def save_qwen(folder: Path) -> Path:
    """Qwen2.5-VL: a chat model for images of any size and videos."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = _tokenizer(_QWEN_TOKENS)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in _QWEN_TOKENS}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 56,
            "fullatt_block_indexes": [1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112}),
        video_processor=Qwen2VLVideoProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112}),
        tokenizer=tokenizer,
        chat_template=_QWEN_CHAT,
    ).save_pretrained(folder)
    return folder


def save_seeing_llava(folder: Path) -> Path:
    """LLaVA 1.5, trained here in seconds to name the colour of a picture: the canary passes."""
    import torch
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    torch.manual_seed(0)
    tokenizer = _word_tokenizer()
    config = LlavaConfig(
        text_config=_llama(tokenizer),
        vision_config=_clip_vision(),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=16,
    )
    processor = LlavaProcessor(
        image_processor=_clip_processor(),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=_CHAT,
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    model = LlavaForConditionalGeneration(config)
    _train(model, processor)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def caption(colour: str) -> str:
    """Return the caption of the trained model for a plain picture."""
    return f"A plain {colour} wall fills the whole view ."


def _word_tokenizer() -> Any:
    """Return a tokenizer with the words of the prompts and captions."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    texts = [
        canary.QUESTION,
        vision_prompts.PLAIN_PROMPT,
        vision_prompts.SYSTEM,
        "USER: SYSTEM: ASSISTANT:",
        *canary.COLOURS,
    ]
    texts += [caption(colour) for colour in canary.COLOURS]
    splitter = pre_tokenizers.Whitespace()
    words = sorted({word for text in texts for word, _ in splitter.pre_tokenize_str(text)})
    vocabulary = {word: number for number, word in enumerate(["<unk>", "<s>", "</s>", "<pad>", *words])}
    raw = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = splitter
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    return tokenizer


def _train(model: Any, processor: Any) -> None:
    """Teach the canary question and the plain prompt, for the six colours."""
    import torch

    torch.set_num_threads(1)  # threads cost more than they bring at this size
    rng = random.Random(1)
    recent = [1.0]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for step in range(MAX_STEPS):
        asked = vision_prompts.PLAIN_PROMPT if step % 2 else canary.QUESTION
        batch, labels = _batch(processor, asked, rng)
        loss = model(**batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        recent = [*recent[-3:], float(loss.detach())]
        if max(recent) < MAX_LOSS:
            break
    model.eval()


def _batch(processor: Any, asked: str, rng: random.Random) -> tuple[Any, Any]:
    colours = list(canary.COLOURS)
    answers = [caption(colour) if asked == vision_prompts.PLAIN_PROMPT else colour for colour in colours]
    images = [_picture(colour, rng) for colour in colours]
    messages = [
        [
            {"role": "system", "content": [{"type": "text", "text": vision_prompts.SYSTEM}]},
            {"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": asked}]},
        ]
        for image in images
    ]
    texts = [processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in messages]
    end = processor.tokenizer.eos_token
    full = [f"{text} {answer} {end}" for text, answer in zip(texts, answers, strict=True)]
    batch = processor(images=images, text=full, return_tensors="pt", padding=True)
    labels = batch["input_ids"].clone()
    start = processor(images=images[:1], text=texts[:1], return_tensors="pt")["input_ids"].shape[1]
    labels[:, :start] = -100
    labels[labels == processor.tokenizer.pad_token_id] = -100
    return batch, labels


def _picture(colour: str, rng: random.Random) -> Any:
    import io

    from PIL import Image

    shade = tuple(min(255, max(0, value + rng.randint(-12, 12))) for value in canary.COLOURS[colour])
    return Image.open(io.BytesIO(noisy_colour(shade, side_px=canary.SIDE_PX))).convert("RGB")  # type: ignore[arg-type]
