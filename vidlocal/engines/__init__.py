"""Clients of model servers, and local models in child processes. No other package has model clients."""
