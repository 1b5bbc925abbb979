"""What OpenSSH and git call: `python -I -m hokku.source.program pre-receive|receive|authorized-keys …`.

It is no command of `hokku`, whose imports would make every push start later.
"""

from __future__ import annotations

import sys

_BROKEN = " !     The git server could not serve this. Nothing was changed: try again in a moment."


def main(name: str, args: list[str]) -> int:
    """Run the program `name`; whatever breaks becomes one sentence, with the cause on the host's side only."""
    try:
        if name == "pre-receive":
            from hokku.source import hook

            return hook.pre_receive()
        from hokku.source import ssh

        return ssh.receive(args) if name == "receive" else ssh.authorized_keys(args)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        _record(name, error)
        if name != "authorized-keys":
            print(_BROKEN, file=sys.stderr)
        return 1


def _record(name: str, error: Exception) -> None:
    import syslog

    syslog.openlog("hokku-git", syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_ERR, f"{name}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
