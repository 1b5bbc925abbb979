"""The generated pages: role READMEs and docs/reference, from the specs, the modules' documentation and the API itself."""
