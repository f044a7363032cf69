"""Playing of films in a browser: the file itself, copied into pieces of fragmented MP4, or encoded anew."""
