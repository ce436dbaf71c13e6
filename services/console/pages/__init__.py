"""One file a page: each reads the siblings and returns a rendered page."""
