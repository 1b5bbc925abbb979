"""Tables, migrations, queries; the only place that knows SQL."""
