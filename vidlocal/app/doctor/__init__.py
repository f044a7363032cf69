"""The checks of `vidlocal doctor`."""
