"""A model that adapts within a session: what a user looks at next, by what the last half hour has shown."""
