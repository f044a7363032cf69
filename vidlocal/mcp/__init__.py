"""`vidlocal mcp`: a server of the Model Context Protocol, for assistants that search your videos."""
