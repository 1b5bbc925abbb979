"""Requests that the platform makes on a tenant's behalf: log drains and webhooks.

`url` reads what a tenant wrote, `guard` decides where the platform lets itself be sent, `post` sends.
"""
