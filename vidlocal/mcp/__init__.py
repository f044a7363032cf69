"""`vidlocal mcp`: a server of the Model Context Protocol, for search by assistants."""
