"""The lab: real machines for Ansible on one computer, LXD system containers of a private LXD daemon."""
