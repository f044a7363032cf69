"""Model servers of the settings: connections, models, reports."""
