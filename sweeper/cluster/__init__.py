"""Where trials run: this machine or a cluster, its nodes, and what is wrong with them."""
