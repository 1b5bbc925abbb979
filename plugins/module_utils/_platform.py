# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""What the modules over the Platform API have in common: how they connect, do or only say, tell, and refuse."""

from __future__ import annotations

from contextlib import contextmanager

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError

MASK = "********"  # stands in diffs for what is secret

CONNECTION = {
    "api_url": {"type": "str", "required": True, "fallback": (env_fallback, ["HOKKU_API_URL", "HEROKU_HOST"])},
    "api_token": {
        "type": "str",
        "required": True,
        "no_log": True,
        "fallback": (env_fallback, ["HOKKU_API_TOKEN", "HEROKU_API_KEY"]),
    },
    "ca_file": {"type": "path", "fallback": (env_fallback, ["HOKKU_CA_FILE", "HOKKU_CA"])},
    "timeout": {"type": "int", "default": 30},
}


class PlatformModule:
    """A module over the API: `ansible` is Ansible's side, `api` the client, `actions` what was or would be done."""

    def __init__(self, argument_spec, **more):
        self.ansible = AnsibleModule(argument_spec={**CONNECTION, **argument_spec}, supports_check_mode=True, **more)
        self.params = self.ansible.params
        self.check = self.ansible.check_mode
        self.actions = []
        self._before, self._after = {}, {}
        self._told, self._secrets = {}, []
        self.api = None
        try:
            self.api = Api(
                self.params["api_url"], self.params["api_token"], self.params["ca_file"], self.params["timeout"]
            )
        except ApiError as error:
            self.fail(error)

    def conceal(self, option, told, secrets=()):
        """Have the result tell `told` for an option that is no_log, and strike out nothing else for it.

        Ansible replaces each value in such an option wherever in the result it occurs, were it "1" or "web". Whoever
        calls this puts none of them into the result; `secrets` are struck out of the sentence of a failure.
        """
        self._told[option] = told
        self._secrets = sorted({*self._secrets, *(each for each in secrets if len(each) > 3)}, key=len, reverse=True)
        spec = self.ansible.argument_spec
        silent = {name for name in spec if spec[name].get("no_log") and name not in self._told}
        self.ansible.no_log_values = {self.params[name] for name in silent if self.params[name]}

    def act(self, sentence, method, where, body=None, timeout=None):
        """Do one change and say so in `actions`; the API's answer, or None in check mode, where it is only said."""
        answer = None
        if not self.check:
            answer = self.api.request(method, where, body, timeout=timeout)[0]
        self.actions.append(sentence)
        return answer

    def differs(self, name, before, after, secret=False):
        """Whether the two are different; the diff tells so, and of what is secret only that it is."""
        if before == after:
            return False
        if secret:
            before = None if before is None else f"{MASK} (before)"
            after = None if after is None else f"{MASK} (after)"
        if before is not None:
            self._before[name] = before
        if after is not None:
            self._after[name] = after
        return True

    def keep_secret(self, text):
        """Never print `text`, a secret from a file or from a wrong option, which Ansible knows nothing of."""
        if text:
            self.ansible.no_log_values.add(text)

    def done(self, **result):
        """End the module with what it did."""
        if self.ansible._diff and (self._before or self._after):
            result["diff"] = {"before": self._before, "after": self._after}
        self.ansible.exit_json(changed=bool(self.actions), actions=self.actions, **self._invocation(), **result)

    def fail(self, error, **result):
        """End the module with one sentence, and with what was done before."""
        message = str(error)
        for secret in self._secrets:
            message = message.replace(secret, MASK)
        done = [] if self.check else self.actions
        self.ansible.fail_json(msg=message, actions=done, changed=bool(done), **self._invocation(), **result)

    def _invocation(self):
        """What was concealed, in its place; without that, Ansible tells the invocation itself."""
        return {"invocation": {"module_args": {**self.params, **self._told}}} if self._told else {}

    @contextmanager
    def refusals(self):
        """Turn ApiError, wherever it comes from, into the module's one failure."""
        try:
            yield
        except ApiError as error:
            self.fail(error)


def run(work, argument_spec, **more):
    """Make a module of `work(module)`, which ends with `module.done()`."""
    module = PlatformModule(argument_spec, **more)
    with module.refusals():
        work(module)
