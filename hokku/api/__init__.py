"""Platform API: the one door through which anything is changed."""
