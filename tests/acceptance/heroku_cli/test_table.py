"""docs/heroku-commands.md and the CLI's own list of its commands."""

from __future__ import annotations

import json
import re

from official_cli import HerokuCli
from platform_client import ROOT

_ROW = re.compile(r"^\| (?P<commands>`[^|]*`) \| (?P<state>[a-z ]+) \|(?P<how>[^|]*)\|$", re.MULTILINE)


def test_the_table_has_every_command_of_the_cli_once(cli: HerokuCli) -> None:
    rows = list(_ROW.finditer((ROOT / "docs" / "heroku-commands.md").read_text()))
    told = [command for row in rows for command in re.findall(r"`([^`]+)`", row["commands"])]
    assert sorted(told) == sorted(set(told))
    for row in rows:
        assert row["state"] in ("works", "differs", "not there"), row[0]
        assert row["state"] == "works" or row["how"].strip(), row[0]
    if cli.version == "v11":  # the table is of its commands
        listed = json.loads(cli.run("commands", "--json").stdout)
        assert {command["id"] for command in listed} == set(told)
