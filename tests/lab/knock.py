"""Tries to get into a cluster with the token of this home, if there is one; prints what it gets.

knock.py HEAD JOBS_URL
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

HEAD, URL = sys.argv[1:]
token = Path.home() / ".ray" / "auth_token"
headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
os.environ["RAY_AUTH_MODE"] = "token" if headers else "disabled"


def status(path, body=None):
    """The HTTP status of a request."""
    request = urllib.request.Request(f"{URL}/{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        return type(error.reason).__name__


def whole_object():
    """An object that went through the cluster, over Ray's client port."""
    import ray

    ray.util.connect(f"{HEAD}:10001", connection_retries=1)
    return ray.get(ray.put("an object"))


def table():
    """The nodes that the GCS tells of."""
    from ray._raylet import GcsClient

    return f"{len(GcsClient(address=f'{HEAD}:6379').get_all_node_info())} nodes"


def attempt(what):
    """What the function returned, or the kind of its exception."""
    try:
        return what()
    except Exception as error:
        return type(error).__name__


job = json.dumps({"entrypoint": "true"}).encode()
print("api", status("api/version"), status("nodes?view=summary"))
print("job", status("api/jobs/", job))
print("gcs", attempt(table))
print("object", attempt(whole_object))
