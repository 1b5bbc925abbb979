"""Release and formation become dynos: placement, lifecycle, the LXD driver."""
