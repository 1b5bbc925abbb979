"""The operator's runbooks: `fab status`, `fab scale`, `fab doctor` …, over the inventory that Ansible uses.

A file each; what a task needs is imported when it runs, so that one which asks the API alone answers at once.
"""

from __future__ import annotations

from invoke import Collection

from runbooks import diagnose, doctor, drain, dynos, hosts, membership, scale, status, tail, why

namespace = Collection(
    status.status, hosts.hosts, dynos.dynos, scale.scale, tail.tail, drain.drain, drain.activate, why.why,
    membership.add, membership.remove, doctor.doctor, diagnose.diagnose,
)  # fmt: skip
scale.take_words()
