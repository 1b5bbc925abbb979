"""Makes nginx's configuration from a site's static.json: `site.py APP_DIRECTORY NGINX_CONF`.

The names are those of Heroku's static buildpack. Every string of the user's is checked, and stands in quotes with what
nginx would understand written so that it does not. @PORT@, @WORK@ and @APP@ are put in when it starts.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

_DEFAULTS: dict[str, object] = {
    "root": "public_html/",
    "encoding": "UTF-8",
    "canonical_host": "",
    "clean_urls": False,
    "https_only": False,
    "routes": {},
    "redirects": {},
    "error_page": "",
    "headers": {},
    "logging": {},
}
_LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
_HIDDEN = ("Procfile", "static.json", "app.json")  # of what lies beside index.html in the root folder


class BadSite(Exception):
    """One sentence: what of static.json cannot be, and what can."""


def quoted(text: str, what: str) -> str:
    """A string of nginx's configuration with exactly this text as value. Raises BadSite."""
    if not text.isprintable() or re.search(r"@(PORT|WORK|APP)@", text):
        raise BadSite(f"{what} has a character that cannot stand there: {printable(text)}.")
    if re.search(r"\$\{\w*\}", text):
        raise BadSite(f"{what} has a config var in it, {printable(text)}: write its value, they are not read here.")
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "${hokku_dollar}")
    return f'"{safe}"'


def pattern(route: str, what: str) -> str:
    """The regular expression, quoted, of a route: * is one segment, ** any number of them. Raises BadSite."""
    if not route.startswith("/") or not route.isprintable() or '"' in route or "\\" in route:
        raise BadSite(f"{what} is a path from the root, like /assets/**, and not {printable(route)}.")
    parts = re.split(r"(\*\*|\*)", route)
    wild = {"**": ".*", "*": "[^/]*"}
    found = "".join(wild.get(part) or "".join(_literal(char) for char in part) for part in parts)
    return f'"^{found}$"'


def _literal(char: str) -> str:
    """One character, that a regular expression takes as it is. Never a backslash: nginx reads those, too."""
    if char.isalnum() or char in "/-_~%,:;=&!'<> ":
        return char
    return r"\^" if char == "^" else f"[{char}]"


def printable(text: str) -> str:
    """The text, short enough and safe for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:60])


def below(text: str, what: str) -> str:
    """A path inside the site, without a slash before it. Raises BadSite."""
    if ".." in text.split("/"):
        raise BadSite(f"{what} leads out of the app: {printable(text)}.")
    return text.strip("/") + ("/" if text.endswith("/") and text.strip("/") else "")


def load(app: Path) -> dict:
    """What static.json says over what holds without it. Raises BadSite."""
    said: object = {}
    if (app / "static.json").is_file():
        try:
            said = json.loads((app / "static.json").read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise BadSite(f"static.json is not valid JSON: {printable(str(error))}.") from None
    if not isinstance(said, dict):
        raise BadSite("static.json has to be one object: { … }.")
    for name, value in said.items():
        if name in ("basic_auth", "proxies") and value:
            raise BadSite(
                f"{name} of static.json is not there on this platform: build such a site with another buildpack."
            )
        if name in _DEFAULTS and type(value) is not type(_DEFAULTS[name]) and value not in (None, False):
            raise BadSite(f"{name} in static.json has to be a {type(_DEFAULTS[name]).__name__}.")
        if name not in _DEFAULTS and name not in ("basic_auth", "proxies"):
            print(f"{printable(name)} of static.json is not known, and left out.")
    site = _DEFAULTS | {name: value for name, value in said.items() if value not in (None, False) and name in _DEFAULTS}
    if "root" not in said and not (app / "public_html").is_dir():
        site["root"] = "."
    root = below(str(site["root"]).removeprefix("./"), "root in static.json")
    site["root"] = "" if root in (".", "./") else root
    if not (app / site["root"]).is_dir():
        raise BadSite(
            f"root in static.json is {printable(str(site['root']))}, and there is no such directory in the app."
        )
    return site


def texts(table: dict, what: str) -> dict[str, str]:
    """The table, if its values are strings. Raises BadSite."""
    for name, value in table.items():
        if not isinstance(value, str):
            raise BadSite(f"{what} in static.json says for {printable(name)} what is not a string.")
    return table


def headers(site: dict) -> tuple[list[str], list[str]]:
    """(maps, add_header lines). The last rule that fits a path says all of its headers, as on Heroku."""
    rules = [(pattern(path, "A path of headers"), texts(each if isinstance(each, dict) else {"": each}, "headers"))
             for path, each in site["headers"].items()]  # fmt: skip
    names = {name.lower(): name for _, each in rules for name in each}
    maps, lines = [], []
    for number, (key, name) in enumerate(names.items()):
        if not _HEADER.fullmatch(name):
            raise BadSite(f"headers in static.json has a name that no header can have: {printable(name)}.")
        maps.append(f'  map $hokku_path $hokku_header_{number} {{\n    default "";')
        for rule, each in reversed(rules):
            value = next((value for given, value in each.items() if given.lower() == key), "")
            maps.append(f'    "~{rule[1:]} {quoted(value, f"The header {name}")};')
        maps.append("  }")
        lines.append(f"    add_header {name} $hokku_header_{number} always;")
    return maps, lines


def locations(site: dict) -> list[str]:
    """Redirects and routes, in the order in which they are tried."""
    found = []
    for path, rule in site["redirects"].items():
        rule = {"url": rule} if isinstance(rule, str) else rule
        status = rule.get("status") or 301 if isinstance(rule, dict) else 0
        if status not in (301, 302, 303, 307, 308) or not isinstance(rule.get("url"), str):
            raise BadSite(
                f"redirects in static.json says for {printable(path)} no url, or a status that is no redirect."
            )
        where = pattern(path.replace("*", "%2A"), "A path of redirects")
        found.append(
            f"    location ~ {where} {{\n      return {status} {quoted(rule['url'], 'A url of redirects')};\n    }}"
        )
    first = "$uri.html $uri $uri/" if site["clean_urls"] else "$uri"
    for path, target in texts(site["routes"], "routes").items():
        to = quoted("/" + below(target, "A target of routes"), "A target of routes") + " "
        if target.endswith("/"):
            to = ""  # a directory: such paths are files, and nothing stands in for them
        where = pattern(path, "A path of routes")
        found.append(f"    location ~ {where} {{\n      try_files {first} {to}=404;\n    }}")
    return found


def render(site: dict) -> str:
    """The whole configuration. Raises BadSite."""
    logging = site["logging"]
    level = logging.get("error", "error")
    if level not in _LEVELS:
        raise BadSite(f"logging.error in static.json is one of {', '.join(_LEVELS)}.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", site["encoding"]):
        raise BadSite("encoding in static.json is the name of one, like UTF-8.")
    maps, added = headers(site)
    server = []
    if site["error_page"]:
        page = quoted("/" + below(site["error_page"], "error_page"), "error_page")
        server.append(f"    error_page 404 500 {page};")
    if site["https_only"]:
        server.append(
            '    if ($http_x_forwarded_proto != "https") {\n      return 301 https://$host$request_uri;\n    }'
        )
    if site["canonical_host"]:
        if not _HOST.fullmatch(site["canonical_host"]):
            raise BadSite(
                "canonical_host in static.json is a host's name, like www.example.com; config vars are not read."
            )
        host = site["canonical_host"]
        server.append(
            f'    if ($http_host != "{host}") {{\n      return 301 $hokku_scheme://{host}$request_uri;\n    }}'
        )
    # What starts with a dot is not for visitors, and nor is what tells the platform how to run the app.
    server.append("    location ~ /\\.(?!well-known/) {\n      return 404;\n    }")
    if not site["root"]:
        server.extend(f"    location = /{name} {{\n      return 404;\n    }}" for name in _HIDDEN)
    server.extend(locations(site))
    first = "$uri.html $uri $uri/" if site["clean_urls"] else "$uri $uri/"
    server.append(f"    location / {{\n      try_files {first} =404;\n    }}")
    root = quoted(site["root"], "root in static.json")[1:-1]
    if "${hokku_dollar}" in root:
        raise BadSite("root in static.json has a $ in it: name the directory otherwise.")
    return _WHOLE.format(
        access="@WORK@/access hokku" if logging.get("access", True) is not False else "off",
        level=level,
        maps="\n".join(maps),
        root=f'"@APP@/{root}"',
        charset=site["encoding"],
        added="\n".join(added),
        server="\n".join(server),
    )


_WHOLE = """\
daemon off;
worker_processes 2;
pid "@WORK@/pid";
error_log stderr {level};
events {{
  worker_connections 512;
}}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  log_format hokku '$request_method $request_uri $status $body_bytes_sent ${{request_time}}s';
  access_log {access};
  client_body_temp_path "@WORK@/body";
  proxy_temp_path "@WORK@/proxy";
  fastcgi_temp_path "@WORK@/fastcgi";
  uwsgi_temp_path "@WORK@/uwsgi";
  scgi_temp_path "@WORK@/scgi";
  sendfile on;
  server_tokens off;
  absolute_redirect off;
  keepalive_timeout 75s;
  gzip on;
  gzip_comp_level 6;
  gzip_min_length 512;
  gzip_proxied any;
  gzip_vary on;
  gzip_types text/plain text/css text/javascript text/xml application/javascript application/json application/xml
    application/rss+xml image/svg+xml;
  geo $hokku_dollar {{
    default "$";
  }}
  map $request_uri $hokku_path {{
    "~^(?<hokku_plain>[^?]*)" $hokku_plain;
  }}
  map $http_x_forwarded_proto $hokku_scheme {{
    default http;
    https https;
  }}
{maps}
  server {{
    listen @PORT@;
    root {root};
    charset {charset};
{added}
{server}
  }}
}}
"""


def main() -> int:
    """Write the configuration; 1 after a sentence that says why not."""
    app, into = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        into.write_text(render(load(app)))
    except BadSite as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
