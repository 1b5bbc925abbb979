"""The web process: says which app, release and dyno answered.

gunicorn listens on $PORT by itself, and at SIGTERM finishes the requests that are under way.
"""

import os


def application(environ, start_response):
    """A WSGI application with one page."""
    found = environ["PATH_INFO"] == "/"
    body = greeting() if found else "Not found\n"
    start_response("200 OK" if found else "404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode()]


def greeting():
    """One line from the dyno's environment."""
    app = os.environ.get("HEROKU_APP_NAME", "an app")
    release = os.environ.get("HEROKU_RELEASE_VERSION", "v0")
    dyno = os.environ.get("DYNO", "this computer")
    return f"Hello from {app} {release} on {dyno}\n"
