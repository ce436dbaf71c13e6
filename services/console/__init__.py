"""The console: pages people watch, made of what the siblings answer over HTTP. Owns no data."""
