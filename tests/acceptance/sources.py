"""Small applications that tests push: one file each, standard library only."""

from __future__ import annotations

_SERVER = """
import http.server, os, signal, sys, threading, time, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/exit":
            print("exiting on request", flush=True)
            os._exit(7)
        if self.path.startswith("/slow/"):
            time.sleep(float(self.path.split("/")[2]))
        if self.path == "/env":
            body = "\\n".join(f"{k}={v}" for k, v in sorted(os.environ.items()))
        elif self.path.startswith("/print/"):
            print(self.path[7:], flush=True)
            body = "printed"
        else:
            body = f"%(mark)s {os.environ['DYNO']}"
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *arguments): pass

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = False
    request_queue_size = 128
    def handle_error(self, request, address):  # routers end idle connections with a reset
        if not isinstance(sys.exc_info()[1], ConnectionResetError):
            super().handle_error(request, address)

server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("%(mark)s is listening", flush=True)
server.serve_forever()
os._exit(0)
"""


def web(mark: str = "one", **more: str) -> dict[str, str]:
    """A web app that answers `MARK DYNO`; /exit ends it, /env tells its environment, /slow/S takes S seconds."""
    return {
        "Procfile": "web: python server.py\n",
        "requirements.txt": "",
        "server.py": _SERVER % {"mark": mark},
    } | more


def crashing(mark: str = "broken") -> dict[str, str]:
    """A web app that ends at once with status 3."""
    return {
        "Procfile": "web: python server.py\n",
        "requirements.txt": "",
        "server.py": f"import sys\nprint('{mark} cannot start', flush=True)\nsys.exit(3)\n",
    }
