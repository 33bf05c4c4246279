"""One request from start to finish, and the release that it runs under: compile(bundle) → CompiledRelease."""
