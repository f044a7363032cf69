"""The runner: host pool, failure policy, schedule; the same for all job kinds."""
