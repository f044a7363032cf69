"""The application: engines opened, sessions run, models downloaded and checked as the settings say. No terminal."""
