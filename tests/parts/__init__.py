"""The real servers that tests run against: one starter a server; each binds to 127.0.0.1 on a free port and keeps its files in a folder of its own."""
