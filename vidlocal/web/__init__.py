"""`vidlocal serve`: the web page and its JSON API, on Starlette and uvicorn."""
