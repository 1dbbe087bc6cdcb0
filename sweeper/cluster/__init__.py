"""Where trials run: this machine or a cluster, its nodes, their workers, and their diagnosis."""
