"""The runner: host pool, failure policy, schedule and everything else that is the same for all job kinds."""
