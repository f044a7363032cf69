"""Work on other machines by Dask distributed. Nothing here is imported without a cluster.

The owner of the library claims jobs and stores results; the machines of the cluster only compute. They know neither the
library nor each other.
"""
