"""A model on a cluster behind the `lmloupe.Engine` of a model in this process.

Two sides. On the cluster a `Replica` (``replica``) holds the engine of one model and answers by name; ``deploy`` makes
it a deployment of Ray Serve. Beside the pages a `RemoteEngine` (``engine``) has the methods of `lmloupe.Engine`, made
from the protocol itself (``questions``), and asks through `Calls` (``calls``): Ray Serve's handle (``ray_calls``), or
anything else that brings a question to a replica. What crosses is checked on both sides (``wire``). A question whose
replica is lost is asked again, and a generation goes on from its tokens (``following``).

Ray is imported inside functions only: without it, all else of the library is as it was.
"""
