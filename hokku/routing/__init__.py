"""Dynos and domains become routes: the HAProxy runtime driver."""
