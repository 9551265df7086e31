"""MLflow's own server application, wrapped: what `mlflow server` hands to uvicorn, with the settings that it hands over."""

import os

from mlflow.server import constants

os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = "sqlite:///mlflow.db"
os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = "./artifacts"
os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = "mlflow-artifacts:/"
os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"

from mlflow.server.fastapi_app import app as server  # noqa: E402: it reads the settings when it is imported
from paused import Paused  # noqa: E402

from wardline.asgi import GuardMiddleware  # noqa: E402

app = GuardMiddleware(Paused(server))
