"""Sources → passages: extraction, chunks, snapshots, the search index."""
