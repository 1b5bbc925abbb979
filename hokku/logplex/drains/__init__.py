"""Log drains: an application's lines go on to a tenant's own receiver, each line delivered or counted.

`frames` says what a line looks like on the wire, `ways` how it gets there, `forward` what is sent next, `bell` when
there is something, `keeper` which drains this process serves.
"""

SCHEMES = {"syslog": 601, "syslog+tls": 6514, "https": 443, "http": 80}  # and their ports, as Heroku's logplex
