"""The job queue: claims, leases, priorities, checkpoints."""
