"""Lines: passages that mean little without their neighbours, those stored before and after them of the same kind."""

# Speech, subtitles and text on screen come in lines; captions stand alone. For SQL.
KINDS_SQL = "'speech', 'subtitle', 'screen_text'"

# Lines before and after a line that count for it.
REACH = 2

# Lines of a window (`content.windows`), and the largest distance of their ids.
MAX_WINDOW_LINES = 32
MAX_WINDOW_IDS = REACH * MAX_WINDOW_LINES
