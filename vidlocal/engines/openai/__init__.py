"""Servers with the OpenAI API: llama.cpp, vLLM, LM Studio, LocalAI, mlx servers."""
