"""A cluster from its settings: the scheduler and its owner's engines here, a worker's engines on the other machines."""
