"""The model as LlamaIndex knows models. Importing this costs seconds: only what needs LlamaIndex itself does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM

from assistant.generative.access import Access
from assistant.generative.caller import Caller, Schema
from assistant.generative.limits import Budget, Messages
from assistant.generative.records import Delta, Finish
from index.settings import Settings


class Endpoint(CustomLLM):
    """A LlamaIndex model with this project's limits. Its answers are whole or a ``ModelError``, except for their length.

    ``additional_kwargs`` of a finished response hold ``finish_reason`` (stop or length) and the tokens of ``Usage``.
    Neither the key nor the settings are fields: nothing that shows or stores a LlamaIndex model holds them.
    """

    _caller: Caller = PrivateAttr()
    _tokens: tuple[int, int] = PrivateAttr()

    def __init__(self, settings: Settings) -> None:
        """:raises SettingsError: unless the settings choose a model, in a way that can be used."""
        super().__init__()
        self._caller = Caller(settings)
        self._tokens = settings.model_context, settings.model_tokens

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores for this class."""
        return "Endpoint"

    @property
    def access(self) -> Access:
        """Which model at which address sees the text."""
        return self._caller.access

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex packs prompts by."""
        prompt, answer = self._tokens
        return LLMMetadata(
            context_window=prompt + answer, num_output=answer, is_chat_model=True, model_name=self.access.model
        )

    def stream_messages(
        self, messages: Messages, schema: Schema | None = None, budget: Budget | None = None
    ) -> Iterator[Delta | Finish]:
        """As ``Caller.stream``: the form in which the writer reads an answer, also a broken one."""
        return self._caller.stream(messages, schema, budget)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to a conversation; ``kwargs`` of other models are ignored."""
        *_, response = self._chat(messages)
        return response

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The same, growing."""
        return self._chat(messages)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a single message."""
        *_, response = self._complete(prompt)
        return response

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The same, growing."""
        return self._complete(prompt)

    def _chat(self, messages: Sequence[ChatMessage]) -> ChatResponseGen:
        for text, delta, ended in self._grow([{"role": m.role.value, "content": m.content or ""} for m in messages]):
            message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
            yield ChatResponse(message=message, delta=delta, additional_kwargs=ended)

    def _complete(self, prompt: str) -> CompletionResponseGen:
        for text, delta, ended in self._grow([{"role": MessageRole.USER.value, "content": prompt}]):
            yield CompletionResponse(text=text, delta=delta, additional_kwargs=ended)

    def _grow(self, messages: Messages) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The text so far, what is new of it, and at the end how it ended.

        :raises ModelError: if it is not whole.
        """
        text = ""
        for record in self._caller.stream(messages):
            if isinstance(record, Delta):
                text += record.text
                yield text, record.text, {}
            elif record.reason in {"stop", "length"}:
                usage = {
                    "prompt_tokens": record.usage.prompt_tokens,
                    "completion_tokens": record.usage.completion_tokens,
                }
                yield text, "", {"finish_reason": record.reason, **usage}
            else:
                assert record.error is not None
                raise record.error
