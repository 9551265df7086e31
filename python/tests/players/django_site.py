"""A player as a site of Django's, whose middleware guards it, under gunicorn. Whom `x-remote-user` names is logged in."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from play import PLACE, VARIABLE, Play, compresses
from wsgi import pieces, serve

settings.configure(
    ALLOWED_HOSTS=["*"],
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.RemoteUserBackend"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(PLACE / "site.db")}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.Remote",
        f"{__name__}.variable",
        f"{__name__}.outside",
        "wardline.django.GuardMiddleware",
        f"{__name__}.inside",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
)
django.setup()

from django.contrib.auth.middleware import RemoteUserMiddleware  # noqa: E402: needs the settings
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, StreamingHttpResponse  # noqa: E402
from django.middleware.gzip import GZipMiddleware  # noqa: E402
from django.urls import re_path  # noqa: E402


class Remote(RemoteUserMiddleware):
    header = "HTTP_X_REMOTE_USER"

    def process_request(self, request: Any) -> None:
        super().process_request(request)
        if request.path.endswith("read-before"):
            request.POST["mail"]


def variable(handle: Any) -> Any:
    """Stands before the guard, and sets a variable of the context."""

    def handled(request: Any) -> Any:
        VARIABLE.set(request.headers.get("x-variable", ""))
        return handle(request)

    return handled


def compressed(place: str) -> Any:
    """Django's compression at one side of the guard."""

    def middleware(handle: Any) -> Any:
        packed = GZipMiddleware(handle)
        return lambda request: (packed if compresses(place, request.headers.get("x-compress", "")) else handle)(request)

    return middleware


outside, inside = compressed("outside"), compressed("inside")


def service(request: Any) -> Any:
    headers = {name.lower(): value for name, value in request.headers.items()}
    play = Play(headers.get("x-play", ""))
    body = b"" if play.reads == "none" else request.body
    if play.reads == "twice":
        body += request.read()
    play.saw(request.method, request.path, headers, body)
    play.task()
    if play.fails == "before":
        raise RuntimeError("the service failed")
    if play.asked.get("length"):
        response: Any = HttpResponse(b"".join(play.pieces), status=play.status)
        play.closed()
    else:
        response = StreamingHttpResponse(pieces(play), status=play.status)
    del response["content-type"]
    for name, value in play.headers():
        response[name] = value
    return response


urlpatterns = [re_path("", service)]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    serve(get_wsgi_application())
