"""Slug and config become a release."""
