"""An app of Flask, for gunicorn: what it is told goes to the file that TOLD_LOG names."""

import os
from pathlib import Path
from typing import Final

from flask import Flask, Response, request

from tests.hostile.backends.told import REST, TREES, Told

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "MKCOL", "COPY", "SEARCH")
_TOLD: Final = Told(Path(os.environ["TOLD_LOG"]))

app = Flask(__name__)


def answered(handler: str, **parameters: str) -> Response:
    length = len(request.get_data())
    target = str(request.environ["RAW_URI"])
    answer = _TOLD.answer(handler, request.method, target, request.headers.items(), length, parameters)
    return Response(answer.text, headers=answer.headers)


def tree(handler: str, prefix: str) -> None:
    def view(**parameters: str) -> Response:
        return answered(handler, **parameters)

    for rule in (prefix, prefix + "/", prefix + "/<path:rest>"):
        app.add_url_rule(rule, f"{handler} {rule}", view, methods=METHODS, strict_slashes=False)


for name, path in TREES.items():
    tree(name, path)
tree("own", "/u/<name>")


@app.route("/page/<page>", methods=METHODS, strict_slashes=False)
def page(page: str) -> Response:
    return answered("page", page=page)


@app.get("/form", strict_slashes=False)
def form() -> Response:
    return answered("form")


@app.post("/form", strict_slashes=False)
def post() -> Response:
    return answered("post")


@app.route("/", methods=METHODS, defaults={"rest": ""})
@app.route("/<path:rest>", methods=METHODS)
def everything_else(rest: str) -> Response:
    return answered("files" if rest.partition("/")[0].lower() == "files" else REST)
