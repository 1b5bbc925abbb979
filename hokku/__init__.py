"""Hokku: a Heroku of your own. The rooms of this package are the parts of the platform, in the order of a push."""

__version__ = "0.2.0"
