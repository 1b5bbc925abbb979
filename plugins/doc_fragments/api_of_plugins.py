# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How lookups and the inventory, which run on the controller, are told where the Platform API is."""

    DOCUMENTATION = r"""
options:
  api_url:
    description: The Platform API's address, without a path.
    type: str
    required: true
    env:
      - name: HOKKU_API_URL
      - name: HEROKU_HOST
  api_token:
    description: A token of the account that asks. C(heroku auth:token) prints one.
    type: str
    required: true
    env:
      - name: HOKKU_API_TOKEN
      - name: HEROKU_API_KEY
  ca_file:
    description:
      - A file with the platform's CA in PEM, where its certificate is not of a public one. It is never left
        unverified.
    type: path
    env:
      - name: HOKKU_CA_FILE
      - name: HOKKU_CA
  timeout:
    description: Seconds for one answer of the API.
    type: int
    default: 30
"""
