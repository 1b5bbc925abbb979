"""The toolbelt: what a user's own computer runs. Points Heroku's official CLI and git at a platform.

It imports nothing of the services' rooms, and starts without typer where a command is run often.
"""
