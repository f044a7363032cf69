"""One step of a verb per module, shared by the verbs."""
