"""One folder, one deployable. They never import each other: they meet only in shared.events."""
