"""Source to slug, in a throw-away container: stacks, buildpacks, cache, limits."""
