"""Tries to get things from a cluster with the token of this home, if any; prints what comes.

knock.py HEAD URL_OF_THE_DASHBOARD THING ...
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

HEAD, URL, *THINGS = sys.argv[1:]
token = Path.home() / ".ray" / "auth_token"
headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
os.environ["RAY_AUTH_MODE"] = "token" if headers else "disabled"


def status(path, body=None):
    """The HTTP status of a request."""
    request = urllib.request.Request(f"{URL}/{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except urllib.error.URLError as error:
        return type(error.reason).__name__


def api():
    """The answers of the dashboard."""
    return f"{status('api/version')} {status('nodes?view=summary')}"


def job():
    """What comes of handing in a job."""
    return status("api/jobs/", json.dumps({"entrypoint": "true"}).encode())


def nodes():
    """The nodes that the GCS tells of."""
    from ray._raylet import GcsClient
    from ray.core.generated.gcs_pb2 import GcsNodeInfo

    alive = GcsClient(address=f"{HEAD}:6379").get_all_node_info(state_filter=GcsNodeInfo.ALIVE)
    return " ".join(sorted(node.node_manager_hostname for node in alive.values()))


def object():
    """An object that went through the cluster, over Ray's client port."""
    import ray

    ray.util.connect(f"{HEAD}:10001", connection_retries=1)
    return ray.get(ray.put("an object"))


for thing in THINGS:
    try:
        print(thing, globals()[thing]())
    except Exception as error:
        print(thing, type(error).__name__)
