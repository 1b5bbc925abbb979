"""Where the cluster has dynos, as JSON: the host of each, by the dyno's id. Runs on a dyno host as root, reads only."""

import http.client
import json
import socket


class Local(http.client.HTTPConnection):
    """HTTP over LXD's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect("/var/lib/lxd/unix.socket")


def main():
    asked = Local("lxd")
    try:
        asked.request("GET", "/1.0/instances?recursion=1")
        found = json.loads(asked.getresponse().read())["metadata"]
    except (OSError, ValueError, KeyError) as error:
        print(json.dumps({"error": f"LXD does not answer ({error})"}))
        return
    configs = [(each["location"], each["config"] or {}) for each in found]  # of a lost member it knows no config
    places = {
        config["user.hokku.dyno"]: location
        for location, config in configs
        if config.get("user.hokku.kind") == "dyno" and "user.hokku.dyno" in config
    }
    print(json.dumps({"places": places}))


main()
