"""What two services need: events, bus, database, HTTP, identity, operations and the country packs."""
