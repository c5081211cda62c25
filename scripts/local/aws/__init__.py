"""AWS on one machine: moto's server, mended where GAS would notice that it is not AWS.

Each module mends one service. Every patch says what moto lacks and which AWS page states the true behaviour.
`python -m scripts.local.aws` starts it; see `server.py` for the ways of use.
"""

import os

# moto reads these when it is imported: managed policies and instant certificates are what Terraform needs, and moto's
# own CORS header would answer for buckets that allow nobody.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "1")
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
