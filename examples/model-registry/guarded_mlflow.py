"""MLflow's own server application with the guard around it: `mlflow server --app-name guarded`."""

from __future__ import annotations

import os

from mlflow.server.fastapi_app import app as mlflow_app

from wardline.asgi import GuardMiddleware

app = GuardMiddleware(mlflow_app, policy=os.environ.get("WARDLINE_POLICY", "wardline.yaml"))
