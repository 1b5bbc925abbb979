"""The logplex: lines of dynos, routers and the platform become one stream of 1,500 an application, with tails.

`emit` is how the platform's own parts log, `sessions` how the API hands out streams, `serve` the service itself.
"""
