"""What was pushed or uploaded: git over SSH and HTTPS, tarballs.

A push over SSH runs three small programs of ours (key look-up, login shell, hook), so everything but `http` imports the
standard library alone: starting Python is the larger part of what they cost.
"""
