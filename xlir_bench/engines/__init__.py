"""Where the shards of a large corpus are worked on: here, on several devices, on a Ray cluster."""
