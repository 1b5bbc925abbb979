# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the modules over the Platform API are told where it is."""

    DOCUMENTATION = r"""
attributes:
  platform:
    description: Where it runs, which need not be a host of the platform.
    support: full
    platforms: posix
options:
  api_url:
    description:
      - The Platform API's address, without a path.
      - Where it is not given, E(HOKKU_API_URL) or E(HEROKU_HOST) is taken.
    type: str
    required: true
  api_token:
    description:
      - A token of the account that acts. C(heroku auth:token) prints one.
      - Where it is not given, E(HOKKU_API_TOKEN) or E(HEROKU_API_KEY) is taken.
    type: str
    required: true
  ca_file:
    description:
      - A file with the platform's CA in PEM, where its certificate is not of a public one. It is never left unverified.
      - Where it is not given, E(HOKKU_CA_FILE) or E(HOKKU_CA) is taken.
    type: path
  timeout:
    description: Seconds for one answer of the API.
    type: int
    default: 30
"""
