"""The cluster's side of a test, a process of its own: a head that puts models on itself as it is told, line by line.

It ends with its standard input, so nothing of it outlives the tests, however they end.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings


def main(folder: str) -> None:
    with warnings.catch_warnings():  # Ray's modules use what pydantic calls deprecated
        warnings.simplefilter("ignore")
        import ray
        import ray.serve
    from lmloupe.cluster.deploy import Scaling, serve_model
    from tests.support.ray_stubs import serve_stub

    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=150 << 20, log_to_driver=False, _temp_dir=folder)
    print("CLUSTER", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "died" in asked:
            serve_stub(**asked)
        else:
            scaling = Scaling(**asked.pop("scaling", {}))
            serve_model(asked.pop("model"), **asked, scaling=scaling)
        print("DONE", flush=True)
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)  # where the tests were killed, nobody else does


if __name__ == "__main__":
    main(sys.argv[1])
