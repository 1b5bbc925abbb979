"""Generated pages: role READMEs and docs/reference, from specs, the modules' documentation and the API itself."""
