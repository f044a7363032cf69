"""Workers: one module per job kind, each prepares a request and stores the answer."""
