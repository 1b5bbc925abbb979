"""Source to slug: stacks, buildpacks, cache, limits."""
