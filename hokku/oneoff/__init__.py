"""One-off dynos and terminals: how they are asked for, and how a client reaches a command in a dyno.

`ask` writes wishes (the manifold makes the dynos), `serve` is the rendezvous that clients come to, `work` is for the
platform's own commands.
"""
