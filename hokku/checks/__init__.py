"""Whether each part of the platform works, found out when an operator asks, and the one thing to do if it does not."""
