"""Export: clips, stills, thumbnails and training pairs cut from source files."""
