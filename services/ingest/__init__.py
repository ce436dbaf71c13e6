"""Ingest: what sources say about moves goes in; one growing history a move comes out, on veedor.moves.v1."""
