# What Gemfile.lock has. bash, not sh.

# `locks NAME`: whether the gem is in it; NAME is an extended regular expression.
locks() { grep -q -s -E "^    ($1) \\(" Gemfile.lock; }
