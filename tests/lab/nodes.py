"""Waits until these hosts, and no others, are the nodes of the cluster; prints the id of each.

nodes.py [--without NODE_ID ...] HEAD_ADDRESS HOST ...
"""

import argparse
import json
import time

from ray._raylet import GcsClient
from ray.core.generated.gcs_pb2 import GcsNodeInfo

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--without", action="append", default=[], help="a node that has to go first")
parser.add_argument("head")
parser.add_argument("hosts", nargs="+")
options = parser.parse_args()

gcs = GcsClient(address=options.head)  # not a driver, for each of which every node starts a process
while True:
    alive = gcs.get_all_node_info(state_filter=GcsNodeInfo.ALIVE)
    nodes = {info.node_manager_hostname: node.hex() for node, info in alive.items()}
    as_wanted = len(alive) == len(nodes) and set(nodes) == set(options.hosts)
    if as_wanted and not set(nodes.values()) & set(options.without):
        break
    time.sleep(0.3)
print(json.dumps(nodes))
