"""Local models and the programs that run them. The only code that holds their clients."""
