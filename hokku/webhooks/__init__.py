"""Webhooks: receivers of tenants are told of changes of their apps.

`entities` decides what a change is called, `expand` makes events and deliveries of changes, `deliver` sends them.
"""
