"""A judge on a model server: the text model answers yes or no in one token."""

from functools import partial

from vidlocal.engines.base import ModelInfo
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.prompts import rerank_prompts, text_prompts
from vidlocal.engines.served.models import ServedModel


class ServedJudge(ServedModel):
    """A Judge. `model` comes from `ModelServer.preflight(..., "completion")`.

    The probabilities of the first token decide. A server without them (such as Ollama before 0.12.11), or a model that
    begins with another word, is asked for JSON instead, which is certain either way.
    """

    def __init__(self, server: ModelServer, model: ModelInfo, *, num_ctx: int, keep_alive: str) -> None:
        super().__init__(server, model, {**text_prompts.text_options(num_ctx), "temperature": 0}, keep_alive)
        self._answers_in_one_token = True

    def probability(self, query: str, text: str) -> float:
        prompt = rerank_prompts.judge_prompt(query, text)
        if self._answers_in_one_token:
            probability = self._yes_probability(rerank_prompts.JUDGE_SYSTEM, prompt)
            if probability is not None:
                return probability
            self._answers_in_one_token = False
        chat = partial(self._server.chat, self.name, system=rerank_prompts.JUDGE_SYSTEM, prompt=prompt)
        schema = self._bounded(rerank_prompts.JUDGE_SCHEMA)
        options = {**self._options, "num_predict": rerank_prompts.JUDGE_TOKENS}
        answer = self._recovering(partial(chat, schema=schema, options=options, keep_alive=self._keep_alive))
        return float(rerank_prompts.parse_judgement(answer))
